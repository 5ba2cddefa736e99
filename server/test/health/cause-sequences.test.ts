// Each refusal and each outage of the table of causes, at least once: first the refusal and then the outage, and the reverse.
// cause-sequences.slow.test.ts plays each with each.
import { test } from 'vitest'
import { somePairs } from './causes/cause-pairs.ts'
import { playSequences } from './causes/cause-sequences.ts'

test(
  'what was refused never opens, and what is merely away never locks',
  () => playSequences(somePairs()),
  200_000,
)

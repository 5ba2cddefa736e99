// Refusals and outages of the table of causes: first the refusal and then the outage, and the reverse. The gate plays one in
// four, `npm run check:slow` each at least once. cause-sequences.slow.test.ts plays each with each.
import { test } from 'vitest'
import { somePairs } from './causes/cause-pairs.ts'
import { doseOf } from '../../../testkit/src/statistics/dose-of.ts'
import { playSequences } from './causes/cause-sequences.ts'

test(
  'what was refused never opens, and what is merely away never locks',
  () => playSequences(doseOf(somePairs(), 4)),
  200_000,
)

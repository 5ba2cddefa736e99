// Each refusal of the table of causes with each outage: first the refusal and then the outage, and the reverse.
import { test } from 'vitest'
import { allPairs } from './causes/cause-pairs.ts'
import { playSequences } from './causes/cause-sequences.ts'

const pairsAtOnce = 16
const pairs = allPairs()
const groups = Array.from({ length: Math.ceil(pairs.length / pairsAtOnce) }, (_, group) =>
  pairs.slice(group * pairsAtOnce, (group + 1) * pairsAtOnce),
)

test.each(groups.map((group, index) => [index + 1, group] as const))(
  'what was refused never opens, and what is merely away never locks: part %i',
  (_, group) => playSequences(group),
  300_000,
)

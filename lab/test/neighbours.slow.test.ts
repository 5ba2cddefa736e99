// A small dose of `npm run lab neighbours`: every flood, and nothing of the neighbour's fails. Times are not judged.
import { expect, test } from 'vitest'
import { floodNames } from '../src/neighbours/floods.ts'
import { runNeighbours } from '../src/neighbours/run-neighbours.ts'

test('beside no flood a request of the neighbour fails, and the server keeps its memory', async () => {
  const { floods, failed } = await runNeighbours({
    floods: floodNames,
    ...{ windowSeconds: 2, requestsPerSecond: 20, cipherkeys: 2_000 },
    say: () => undefined,
  })
  expect(failed).toBe(0)
  expect(floods.map(({ flood }) => flood)).toEqual(floodNames)
  for (const { flood, beside, memoryGrowthMib } of floods) {
    expect(beside.requests, flood).toBeGreaterThan(10)
    expect(memoryGrowthMib, flood).toBeLessThanOrEqual(300)
  }
}, 300_000)

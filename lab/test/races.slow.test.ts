// A small dose of `npm run races`.
import { expect, test } from 'vitest'
import { runRaces } from '../src/races/run-races.ts'

test('when two replicas are asked at once, exactly one migrates the tenant', async () => {
  const result = await runRaces({ races: 4, tenants: 2, say: () => undefined })
  expect(result.problems).toEqual([])
  expect(result).toMatchObject({ races: 4, exactlyOne: 4 })
  const losers = Object.entries(result.losers)
  expect(losers.reduce((sum, [, count]) => sum + count, 0)).toBe(4)
}, 300_000)

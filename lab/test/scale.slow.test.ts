// A small dose of `npm run lab scale`.
import { expect, test } from 'vitest'
import { runScale } from '../src/scale/run-scale.ts'

test('every row is measured at both sizes, and the doctor finds nothing wrong with what was seeded', async () => {
  const result = await runScale({ tenants: 400, cipherkeys: 8_000, ofBigTenant: 4_000, say: () => undefined })
  expect(result.problems.filter((problem) => !problem.includes(' grows: '))).toEqual([])
  expect(result.rows.length).toBeGreaterThan(30)
  expect(result.rows.every(({ small, large }) => small >= 0 && large >= 0)).toBe(true)
  expect(result.sizes.map(({ tables }) => tables.some(({ table }) => table === 'cipherkeys'))).toEqual([
    true,
    true,
  ])
}, 900_000)

// The judgement of `npm run lab scale`.
import { expect, test } from 'vitest'
import { judge, type MeasuredRow } from '../src/scale/rows.ts'

const row = (value: number, worksOn: MeasuredRow['worksOn']): MeasuredRow[] => [
  { name: 'a row', worksOn, unit: 'ms', value },
]
const proportions = { tenants: 10, 'cipherkeys of the big tenant': 10, nothing: 1 }

test.each([
  ['tenants', 100, 2_900, true],
  ['tenants', 100, 3_100, false],
  ['nothing', 100, 290, true],
  ['nothing', 100, 1_000, false],
  // Below the noise of a machine.
  ['nothing', 0.1, 20, true],
] as const)('a row that works on %s may grow from %d to %d ms: %s', (worksOn, small, large, isGood) => {
  expect(judge(row(small, worksOn), row(large, worksOn), proportions)).toMatchObject([{ isGood }])
  expect(judge(row(small, worksOn), [], proportions)).toMatchObject([{ isGood: false }])
})

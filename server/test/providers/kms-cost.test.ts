// Money without floating point, and ranges of days.
import { isKeyholdError } from '@keyhold/core'
import { expect, test } from 'vitest'
import { parseDayRange } from '../../src/providers/day-range.ts'
import { estimateKmsCost, formatUsd } from '../../src/providers/estimate-kms-cost.ts'

test.each([
  [0, 30_000, '0.000000'],
  [1, 30_000, '0.000003'],
  [333, 30_000, '0.000999'],
  [10_000, 30_000, '0.030000'],
  [1_000_000, 30_000, '3.000000'],
  // Half a millionth is one, less is none.
  [1, 4_999, '0.000000'],
  [1, 5_000, '0.000001'],
  [Number.MAX_SAFE_INTEGER, 999_999, '900719024754.173626'],
])('%d requests at %d millionths for 10,000 cost %s', (requests, price, usd) => {
  expect(estimateKmsCost(requests, price)).toBe(usd)
})

test('prices are shown with all six decimals', () => {
  expect([30_000n, 12_000_001n, 0n].map(formatUsd)).toEqual(['0.030000', '12.000001', '0.000000'])
})

const now = new Date('2024-03-15T23:59:59.999Z')

test.each([
  [{}, { from: '2024-03-01', to: '2024-03-15' }],
  [{ to: '2024-02-29' }, { from: '2024-02-01', to: '2024-02-29' }],
  [{ from: '2023-03-17' }, { from: '2023-03-17', to: '2024-03-15' }],
  [
    { from: '2025-01-01', to: '2025-01-01' },
    { from: '2025-01-01', to: '2025-01-01' },
  ],
])('%o is a range', (query, range) => {
  expect(parseDayRange(query, now)).toEqual(range)
})

test.each([
  { from: '2024-03-16' },
  { from: '2023-03-15' },
  { from: '2023-02-29', to: '2023-03-01' },
  { to: '2024-02-31' },
  { to: '2024-13-01' },
  { to: '2024-1-1' },
  { to: '' },
])('%o is none', (query) => {
  expect(() => parseDayRange(query, now)).toThrow(
    expect.toSatisfy((error) => isKeyholdError(error, 'ERR_INVALID_REQUEST')),
  )
})

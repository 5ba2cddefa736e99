// The same failure again is counted, not logged.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createRepeats } from '../../src/http/log/repeats.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

test('the first is told at once, the others as a number after ten seconds', () => {
  const told: [string, number][] = []
  const repeats = createRepeats<string>((facts, times) => told.push([facts, times]))
  expect(repeats.isFirst('a', 'first')).toBe(true)
  for (let each = 0; each < 5; each++) expect(repeats.isFirst('a', 'later')).toBe(false)
  expect(repeats.isFirst('b', 'other')).toBe(true)
  vi.advanceTimersByTime(9_999)
  expect(told).toEqual([])
  vi.advanceTimersByTime(1)
  expect(told).toEqual([['first', 5]])
  expect(repeats.isFirst('a', 'again')).toBe(true)
})

test('a stop tells at once what was counted, and nothing later', () => {
  const told: [string, number][] = []
  const repeats = createRepeats<string>((facts, times) => told.push([facts, times]))
  for (let each = 0; each < 4; each++) repeats.isFirst('a', 'a')
  repeats.isFirst('once', 'once')
  repeats.flush()
  expect(told).toEqual([['a', 3]])
  vi.advanceTimersByTime(20_000)
  expect(told).toEqual([['a', 3]])
})

test('beyond 500 kinds all others count as one', () => {
  const repeats = createRepeats<number>(() => undefined)
  for (let each = 0; each < 500; each++) expect(repeats.isFirst(`kind ${each}`, each)).toBe(true)
  expect(repeats.isFirst('another', 0)).toBe(true)
  expect(repeats.isFirst('and another', 0)).toBe(false)
})

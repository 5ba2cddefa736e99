// The figures of measurements, and the random numbers of experiments.
import { describe, expect, test } from 'vitest'
import { flatnessOf } from '../src/statistics/flatness.ts'
import { median } from '../src/statistics/median.ts'
import { percentile } from '../src/statistics/percentile.ts'
import { createSeededRandom } from '../src/statistics/seeded-random.ts'

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

describe('a percentile', () => {
  test.each([
    [upTo(100), 0.5, 50],
    [upTo(100), 0.99, 99],
    [upTo(100), 1, 100],
    [upTo(1_000).reverse(), 0.99, 990],
    [[7], 0.5, 7],
    [[1, 2, 3], 0.5, 2],
    [[10, 9, 2, 1], 0.75, 9],
  ])('of %j at %d is one of the values', (values, share, expected) => {
    expect(percentile(values, share)).toBe(expected)
  })

  test('of no values, or of a share out of range, is refused', () => {
    expect(() => percentile([], 0.5)).toThrow(RangeError)
    expect(() => percentile([1], 0)).toThrow(RangeError)
    expect(() => percentile([1], 1.1)).toThrow(RangeError)
  })
})

describe('flatness', () => {
  test('compares the first third with the last', () => {
    expect(flatnessOf([100, 130, 110, 500, 500, 500, 120, 90, 100])).toEqual({
      first: { min: 100, median: 110, max: 130 },
      last: { min: 90, median: 100, max: 120 },
      growth: 100 / 110,
      isFlat: true,
    })
  })

  test('is missing where values keep growing, but not at a peak', () => {
    expect(flatnessOf(upTo(30).map((look) => 100 + 2 * look))?.isFlat).toBe(false)
    expect(flatnessOf(upTo(30).map((look) => (look % 10 === 0 ? 400 : 100)))?.isFlat).toBe(true)
    expect(flatnessOf(upTo(30).map((look) => (look > 15 ? 121 : 100)))?.isFlat).toBe(false)
    expect(flatnessOf(upTo(30).map((look) => (look > 15 ? 120 : 100)))?.isFlat).toBe(true)
  })

  test('can be judged by what garbage collection leaves', () => {
    const sawtooth = upTo(30).map((look) => 50 + 10 * (look % 10))
    expect(flatnessOf(sawtooth, 'min')).toMatchObject({ growth: 1, isFlat: true })
    const leaking = sawtooth.map((value, index) => Math.min(140, value + 2 * index))
    expect(flatnessOf(leaking, 'min')?.isFlat).toBe(false)
  })

  test('is undefined for too few values', () => {
    expect(flatnessOf([1, 2, 3, 4, 5])).toBeUndefined()
  })
})

test('a median is the middle value, or the mean of the two in the middle', () => {
  expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([7])]).toEqual([2, 2.5, 7])
  expect(() => median([])).toThrow(RangeError)
})

test('a seed repeats its bytes and its numbers, and another seed has others', () => {
  const drawn = (seed: number) => {
    const random = createSeededRandom(seed)
    return [random.bytes(1_000).toString('hex'), random.integer(1, 1_000_000), random.next()]
  }
  expect(drawn(4)).toEqual(drawn(4))
  expect(drawn(4)).not.toEqual(drawn(5))
  expect(new Set(createSeededRandom(4).bytes(1_000)).size).toBeGreaterThan(200)
})

test('a choice is one of the items, and there must be one', () => {
  const random = createSeededRandom(6)
  const picked = new Set(upTo(100).map(() => random.pick(['a', 'b', 'c'])))
  expect([...picked].toSorted()).toEqual(['a', 'b', 'c'])
  expect(() => random.pick([])).toThrow(RangeError)
})

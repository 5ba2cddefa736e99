// A bucket lets so much through, opens again in time, and has bounded memory.
import { beforeEach, expect, test } from 'vitest'
import { createTokenBuckets, type TokenBuckets } from '../../src/access/token-buckets.ts'

let nowMs: number
let tokens: number
let buckets: TokenBuckets
beforeEach(() => {
  nowMs = 0
  tokens = 100
  buckets = createTokenBuckets({ tokens: () => tokens, windowMs: 60_000, clock: () => nowMs })
})

/** How many are let through at this moment. */
function spree(name = 'a'): number {
  let taken = 0
  while (taken < 100_000 && buckets.waitMs(name) === 0) {
    buckets.spend(name)
    taken += 1
  }
  return taken
}

test('a bucket holds what a window gives, each name has its own, and no pause saves up more', () => {
  expect([spree(), spree('b')]).toEqual([100, 100])
  nowMs = 60_000
  expect(spree()).toBe(100)
  nowMs = 10 * 60_000
  expect(spree()).toBe(100)
})

test('an empty bucket says when it opens, keeps to it, and then lets a tenth through', () => {
  spree()
  expect(buckets.waitMs('a')).toBe(6_000)
  nowMs = 1_500
  expect(buckets.waitMs('a')).toBe(4_500)
  nowMs = 5_999
  expect(spree()).toBe(0)
  nowMs = 6_000
  expect(spree()).toBe(10)
})

test('over a long time with a caller that keeps to what it is told, the whole rate is let through', () => {
  let taken = 0
  while (nowMs < 3_600_000) {
    taken += spree()
    nowMs += Math.ceil(buckets.waitMs('a') / 1_000) * 1_000
  }
  expect(taken).toBeGreaterThanOrEqual(6_000)
  expect(taken).toBeLessThanOrEqual(6_110)
})

test('the rate may change, also to less than one in a window', () => {
  tokens = 10
  expect(spree()).toBe(10)
  tokens = 0.5
  nowMs += 119_000
  expect(buckets.waitMs('a')).toBeCloseTo(1_000)
  nowMs += 1_000
  expect(spree()).toBe(1)
  tokens = 1_000
  nowMs += 60_000
  expect(spree()).toBe(1_000)
})

test('what is spent beyond the last token is forgiven', () => {
  for (let count = 0; count < 1_000; count++) buckets.spend('a')
  expect(buckets.waitMs('a')).toBe(6_000)
})

test('names that come and go push out others, and never one that is being emptied', () => {
  spree()
  for (let index = 0; index < 30_000; index++) {
    buckets.spend(`name-${index}`)
    if (index % 1_000 === 0) expect(buckets.waitMs('a')).toBeGreaterThan(0)
  }
  // The oldest of the others begins anew, so it was forgotten.
  expect([spree('name-0'), spree('name-29999')]).toEqual([100, 99])
})

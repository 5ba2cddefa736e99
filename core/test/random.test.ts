import { expect, test } from 'vitest'
import { fillRandom } from '../src/random.ts'

function draw(length: number): Buffer {
  const bytes = Buffer.alloc(length)
  fillRandom(bytes)
  return bytes
}

/** Finds every place in `bytes` at which eight bytes begin that occurred before. */
function repeats(bytes: Buffer, seen: Set<bigint>): number {
  let count = 0
  for (let at = 0; at + 8 <= bytes.length; at++) {
    const window = bytes.readBigUInt64BE(at)
    if (seen.has(window)) count++
    seen.add(window)
  }
  return count
}

test('no salt repeats over many refills of the pool', () => {
  const salts = Array.from({ length: 100_000 }, () => draw(24).toString('latin1'))
  expect(new Set(salts).size).toBe(100_000)
})

test('draws of all sizes share no eight bytes, even at the end of the pool', () => {
  const seen = new Set<bigint>()
  const sizes = [1, 24, 7, 16_384, 0, 16_383, 1, 24, 16_361, 12, 4_096, 12_289, 100]
  let repeated = 0
  for (let round = 0; round < 3; round++) for (const size of sizes) repeated += repeats(draw(size), seen)
  expect(repeated).toBe(0)
  expect(seen.size).toBeGreaterThan(150_000)
})

test.each([16_383, 16_384, 16_385, 20_000, 100_000])('a draw of %i bytes is filled to its end', (length) => {
  draw(10)
  const bytes = draw(length)
  // A random run of 32 zero bytes has a probability of 2^-256.
  expect(bytes.indexOf(Buffer.alloc(32))).toBe(-1)
  expect(bytes.subarray(-32).equals(Buffer.alloc(32))).toBe(false)
  expect(repeats(Buffer.concat([bytes, draw(24)]), new Set())).toBe(0)
})

test('a draw writes only to its target', () => {
  const around = Buffer.alloc(64)
  fillRandom(around.subarray(16, 48))
  expect(around.subarray(0, 16).equals(Buffer.alloc(16))).toBe(true)
  expect(around.subarray(48).equals(Buffer.alloc(16))).toBe(true)
  expect(around.subarray(16, 48).equals(Buffer.alloc(32))).toBe(false)
})

test('every byte of a salt takes every value, the first and the last among them', () => {
  const seen = Array.from({ length: 24 }, () => new Set<number>())
  for (let count = 0; count < 10_000; count++) draw(24).forEach((byte, place) => seen[place]?.add(byte))
  expect(seen.map((values) => values.size)).toEqual(new Array(24).fill(256))
})

test('all values of a byte are drawn about equally often', () => {
  const counts = new Array<number>(256).fill(0)
  for (const byte of draw(16_384 * 16)) counts[byte] = (counts[byte] ?? 0) + 1
  // 1,024 of each are expected; the bounds are ten standard deviations away.
  expect(Math.min(...counts)).toBeGreaterThan(700)
  expect(Math.max(...counts)).toBeLessThan(1_350)
})

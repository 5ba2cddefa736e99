import { expect, test } from 'vitest'
import { blindIndex } from '../src/blind-index.ts'
import { testKey } from './support.ts'

const key = testKey(1)
const place = { table: 'users', column: 'ssn' }

test('equal values at one place have one index, and all other values another', () => {
  const index = blindIndex(key, place, '123', 256)
  expect(blindIndex(key, { column: 'ssn', table: 'users' }, '123', 256)).toBe(index)
  const others = [
    blindIndex(testKey(2), place, '123', 256),
    blindIndex(key, { table: 'user', column: 'sssn' }, '123', 256),
    blindIndex(key, { table: 'users', column: 'ssn1' }, '23', 256),
    blindIndex(key, place, '124', 256),
    blindIndex(key, place, '', 256),
  ]
  expect(new Set([index, ...others]).size).toBe(6)
})

test('`bits` shortens the index', () => {
  const whole = Buffer.from(blindIndex(key, place, 'a', 256), 'base64url')
  expect(whole).toHaveLength(32)
  expect(Buffer.from(blindIndex(key, place, 'a', 64), 'base64url').equals(whole.subarray(0, 8))).toBe(true)
})

test.each([0, 56, 63, 65, 264, Number.NaN, 100.5])('%d bits are refused', (bits) => {
  expect(() => blindIndex(key, place, 'a', bits)).toThrow(RangeError)
})

test('a lone surrogate is refused', () => {
  expect(() => blindIndex(key, place, '\ud800', 64)).toThrow(TypeError)
})

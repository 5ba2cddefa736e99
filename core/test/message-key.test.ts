// Compares the derivation with another one made of HMACs, and looks at the bytes it leaves in memory.
import { createHmac, hash, type KeyObject } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { deriveMessageKey } from '../src/message-key.ts'
import { keyFromBytes } from '../src/data-key.ts'

vi.mock('node:crypto', async (original) => {
  const real = await original<{ hash: typeof hash }>()
  return { ...real, hash: vi.fn(real.hash) }
})
afterEach(() => vi.mocked(hash).mockClear())

const keyBytes = Buffer.from(Array.from({ length: 32 }, (_, index) => index * 7 + 1))
const key = keyFromBytes(Buffer.from(keyBytes))
const salt = Buffer.alloc(24, 0x5a)

// HKDF-Expand as RFC 5869 section 2.3 writes it.
function expand(inputKey: KeyObject, context: Buffer): Buffer {
  const label = Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0', 'ascii')
  const info = Buffer.concat([label, salt, context])
  const hmac = (...parts: Buffer[]) => createHmac('sha512', inputKey).update(Buffer.concat(parts)).digest()
  const first = hmac(info, Buffer.from([1]))
  return Buffer.concat([first, hmac(first, info, Buffer.from([2]))]).subarray(0, 76)
}

// 264 of the room's 16,384 bytes are for other things than the context and its counter.
const lengths = [0, 1, 140, 16_118, 16_119, 16_120, 16_121, 65_536, 3]

test.each(lengths)('derives the same bytes as HMAC, with a context of %i bytes', (length) => {
  const context = Buffer.alloc(length, 'context')
  const { key: messageKey, baseNonce, commitment } = deriveMessageKey(key, salt, context)
  expect(Buffer.concat([messageKey.export(), baseNonce, commitment]).toString('hex')).toBe(
    expand(key, context).toString('hex'),
  )
})

test.each([140, 20_000])('leaves no byte of a key behind, with a context of %i bytes', (length) => {
  const { key: messageKey } = deriveMessageKey(key, salt, Buffer.alloc(length, 1))
  const calls = vi.mocked(hash).mock
  const passed = calls.calls.map(([, bytes]) => bytes)
  const answered = calls.results
    .map(({ value }) => value as unknown)
    .filter((value) => Buffer.isBuffer(value))
  expect(passed).toHaveLength(4)
  expect(answered).toHaveLength(1)
  // The padded key comes first. T(1), which begins with the message's key, follows it.
  for (const bytes of passed)
    expect((bytes as Buffer).subarray(0, 128).every((byte) => byte === 0)).toBe(true)
  for (const bytes of [...(passed as Buffer[]), ...answered]) {
    expect(bytes.includes(messageKey.export())).toBe(false)
    expect(bytes.includes(Buffer.from(keyBytes.map((byte) => byte ^ 0x36)))).toBe(false)
    expect(bytes.includes(Buffer.from(keyBytes.map((byte) => byte ^ 0x5c)))).toBe(false)
  }
})

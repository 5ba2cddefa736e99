import { describe, expect, test } from 'vitest'
import { isKeyholdError } from '../src/errors.ts'
import { encryptedFileBytes, fileFormat, plaintextFileBytes } from '../src/file/file-format.ts'
import { createFileOpener, parseFileHeader } from '../src/file/file-opener.ts'
import { createFileSealer } from '../src/file/file-sealer.ts'
import { codeOf, testDataKey, testKey, withFlippedBit } from './support.ts'

const dataKey = testDataKey()
const context = { path: 'a/b' }
const chunk = fileFormat.sealedChunkBytes

function encrypt(plaintext: Buffer, bound = context): Buffer {
  const sealer = createFileSealer(dataKey, bound)
  const blocks = Buffer.alloc(encryptedFileBytes(plaintext.length) - fileFormat.headBytes)
  sealer.sealBlock(plaintext, blocks, true)
  return Buffer.concat([sealer.head, blocks])
}

/** Decrypts a whole file, or answers the code and the offset of the refusal. */
function decrypt(file: Buffer, changes: Partial<typeof dataKey> = {}, bound = context): string {
  const target = Buffer.alloc(file.length, 1)
  try {
    parseFileHeader(file)
    const opener = createFileOpener({ ...dataKey, ...changes }, bound, file.subarray(0, fileFormat.headBytes))
    const length = opener.openBlock(0, file.subarray(fileFormat.headBytes), target, true)
    return target.toString('latin1', 0, length)
  } catch (error) {
    if (!isKeyholdError(error)) throw error
    expect(target.every((byte) => byte <= 1)).toBe(true)
    return `${error.code} ${error.details.offset ?? ''}`
  }
}

const plaintext = Buffer.alloc(2 * 16_384 + 100, 'x')
const file = encrypt(plaintext)

test('a file comes back', () => {
  expect(decrypt(file)).toBe(plaintext.toString('latin1'))
  expect(decrypt(encrypt(Buffer.alloc(0)))).toBe('')
})

describe('a refusal names the place', () => {
  const damaged = (at: number): string => decrypt(withFlippedBit(file, at * 8))
  test.each([
    [0, 'ERR_TOKEN_INVALID 0'],
    [7, 'ERR_DECRYPTION_FAILED 0'],
    [26, 'ERR_DECRYPTION_FAILED 26'],
    [81, 'ERR_DECRYPTION_FAILED 26'],
    [82, 'ERR_DECRYPTION_FAILED 82'],
    [82 + chunk, `ERR_DECRYPTION_FAILED ${82 + chunk}`],
    [82 + 2 * chunk + 115, `ERR_DECRYPTION_FAILED ${82 + 2 * chunk}`],
  ])('a bit changed at byte %i: %s', (at, refusal) => {
    expect(damaged(at)).toBe(refusal)
  })

  test.each([
    [0, 'ERR_TOKEN_INVALID 0'],
    [25, 'ERR_TOKEN_INVALID 0'],
    [26, 'ERR_DECRYPTION_FAILED 0'],
    [81, 'ERR_DECRYPTION_FAILED 0'],
    [82, 'ERR_DECRYPTION_FAILED 82'],
    [82 + 15, 'ERR_DECRYPTION_FAILED 82'],
    [82 + chunk - 1, 'ERR_DECRYPTION_FAILED 82'],
    [82 + chunk, `ERR_DECRYPTION_FAILED ${82 + chunk}`],
    [82 + 2 * chunk, `ERR_DECRYPTION_FAILED ${82 + 2 * chunk}`],
    [file.length - 1, `ERR_DECRYPTION_FAILED ${82 + 2 * chunk}`],
  ])('cut to %i bytes: %s', (length, refusal) => {
    expect(decrypt(file.subarray(0, length))).toBe(refusal)
  })

  test('bytes after the end', () => {
    expect(decrypt(Buffer.concat([file, Buffer.alloc(1)]))).toBe(`ERR_DECRYPTION_FAILED ${82 + 2 * chunk}`)
  })
})

test.each([
  ['tenant', { tenantId: 'another' }],
  ['data key', { key: testKey(9) }],
])('a file is bound to its %s', (_name, changes) => {
  expect(decrypt(file, changes)).toBe('ERR_DECRYPTION_FAILED 26')
})

test('a file is bound to its context', () => {
  expect(decrypt(file, {}, { path: 'a/c' })).toBe('ERR_DECRYPTION_FAILED 26')
})

test('a block in the middle must be made of whole chunks', () => {
  const sealer = createFileSealer(dataKey, {})
  expect(() => sealer.sealBlock(Buffer.alloc(100), Buffer.alloc(1000), false)).toThrow(RangeError)
})

test('a target without room is refused', () => {
  const opener = createFileOpener(dataKey, context, file.subarray(0, 82))
  expect(() => opener.openBlock(0, file.subarray(82), Buffer.alloc(20_000), true)).toThrow(RangeError)
})

test('sizes are converted both ways, and a file cut at the end of a chunk has no plaintext size', () => {
  for (const size of [0, 1, 16_383, 16_384, 16_385, 32_768, 2 ** 40])
    expect(plaintextFileBytes(encryptedFileBytes(size))).toBe(size)
  for (const size of [-1, 0, 97, 82 + chunk, 82 + 2 * chunk, 82 + chunk + 15, Number.NaN, 100.5])
    expect(plaintextFileBytes(size)).toBeUndefined()
  expect(codeOf(() => parseFileHeader(Buffer.alloc(0)))).toBe('ERR_TOKEN_INVALID')
})

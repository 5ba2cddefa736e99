// "Invisible salamanders": one ciphertext and one tag that plain AES-GCM opens under two keys, since the last block
// can be chosen so that both authentication sums agree. The commitment keeps such messages out.
import { createCipheriv, createDecipheriv, createHmac, type KeyObject } from 'node:crypto'
import { createSecretKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { open } from '../src/cobblestone.ts'
import { codeOf, testKey } from './support.ts'

interface GcmKey {
  key: KeyObject
  nonce: Buffer
}

const toNumber = (block: Buffer): bigint => BigInt(`0x${block.toString('hex')}`)
const toBlock = (element: bigint): Buffer => Buffer.from(element.toString(16).padStart(32, '0'), 'hex')

// NIST SP 800-38D section 6.3: the leftmost bit is the coefficient of 1, the polynomial is 1 + x + x² + x⁷ + x¹²⁸.
function multiply(left: bigint, right: bigint): bigint {
  let product = 0n
  for (let bit = 127n; bit >= 0n; bit--) {
    if ((left >> bit) & 1n) product ^= right
    right = right & 1n ? (right >> 1n) ^ (0xe1n << 120n) : right >> 1n
  }
  return product
}

// x to the power of 2¹²⁸ − 2, the product of all x^(2^i) for i from 1 to 127.
function invert(element: bigint): bigint {
  let inverse = 1n << 127n
  let square = element
  for (let count = 1; count < 128; count++) {
    square = multiply(square, square)
    inverse = multiply(inverse, square)
  }
  return inverse
}

function encryptBlock(key: KeyObject, block: Buffer): bigint {
  return toNumber(createCipheriv('aes-256-ecb', key, null).setAutoPadding(false).update(block))
}

/** Two blocks of ciphertext and their tag, valid under both keys; the first block is free, the second is not. */
function twoKeyCiphertext(one: GcmKey, two: GcmKey, firstBlock: Buffer): Buffer {
  const lengths = (2n * 128n) & ((1n << 64n) - 1n)
  const [a, b] = [one, two].map(({ key, nonce }) => {
    const h = encryptBlock(key, Buffer.alloc(16))
    const square = multiply(h, h)
    const mask = encryptBlock(key, Buffer.concat([nonce, Buffer.of(0, 0, 0, 1)]))
    // The tag without the second block's part: C₁·H³ + lengths·H + E(J₀).
    const rest = multiply(toNumber(firstBlock), multiply(square, h)) ^ multiply(lengths, h) ^ mask
    return { square, rest }
  })
  if (a === undefined || b === undefined) throw new TypeError('two keys expected')
  const second = multiply(a.rest ^ b.rest, invert(a.square ^ b.square))
  const tag = a.rest ^ multiply(second, a.square)
  return Buffer.concat([firstBlock, toBlock(second), toBlock(tag)])
}

function openPlainGcm({ key, nonce }: GcmKey, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
  decipher.setAuthTag(sealed.subarray(-16))
  return Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
}

/** Derives the keys of one message like Cobblestone, in code of its own. */
function derive(inputKey: KeyObject, salt: Buffer, context: Buffer): GcmKey & { commitment: Buffer } {
  const info = Buffer.concat([
    Buffer.from('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0'),
    salt,
    context,
  ])
  const first = createHmac('sha512', inputKey).update(info).update(Buffer.of(1)).digest()
  const second = createHmac('sha512', inputKey).update(first).update(info).update(Buffer.of(2)).digest()
  const output = Buffer.concat([first, second])
  return {
    key: createSecretKey(output.subarray(0, 32)),
    nonce: output.subarray(32, 44),
    commitment: output.subarray(44, 76),
  }
}

const firstBlock = Buffer.from('one text, 2 keys')

test('plain GCM opens one ciphertext under two keys and one nonce, to different plaintexts', () => {
  const nonce = Buffer.alloc(12, 7)
  const [one, two] = [
    { key: testKey(1), nonce },
    { key: testKey(2), nonce },
  ]
  const sealed = twoKeyCiphertext(one, two, firstBlock)
  const [first, second] = [openPlainGcm(one, sealed), openPlainGcm(two, sealed)]
  expect(first).toHaveLength(32)
  expect(second).toHaveLength(32)
  expect(first.equals(second)).toBe(false)
  expect(() => openPlainGcm({ key: testKey(3), nonce }, sealed)).toThrow()
})

describe('a message whose chunk plain GCM opens under the keys derived from two input keys', () => {
  const salt = Buffer.alloc(24, 9)
  const context = Buffer.from('a context')
  const [keyOne, keyTwo] = [testKey(1), testKey(2)]
  const [one, two] = [derive(keyOne, salt, context), derive(keyTwo, salt, context)]
  const chunk = twoKeyCiphertext(one, two, firstBlock)

  test('opens with each key whose commitment it carries', () => {
    const forOne = Buffer.concat([salt, one.commitment, chunk])
    const forTwo = Buffer.concat([salt, two.commitment, chunk])
    expect(open(keyOne, context, forOne).equals(openPlainGcm(one, chunk))).toBe(true)
    expect(open(keyTwo, context, forTwo).equals(openPlainGcm(two, chunk))).toBe(true)
  })

  test('is refused under the other key, for its commitment alone', () => {
    expect(codeOf(() => open(keyTwo, context, Buffer.concat([salt, one.commitment, chunk])))).toBe(
      'ERR_DECRYPTION_FAILED',
    )
    expect(codeOf(() => open(keyOne, context, Buffer.concat([salt, two.commitment, chunk])))).toBe(
      'ERR_DECRYPTION_FAILED',
    )
  })

  test('is refused under another context of the same key, where plain GCM opens that too', () => {
    const other = Buffer.from('another context')
    const elsewhere = derive(keyOne, salt, other)
    const twoContexts = Buffer.concat([salt, one.commitment, twoKeyCiphertext(one, elsewhere, firstBlock)])
    expect(openPlainGcm(elsewhere, twoContexts.subarray(56))).toHaveLength(32)
    expect(open(keyOne, context, twoContexts)).toHaveLength(32)
    expect(codeOf(() => open(keyOne, other, twoContexts))).toBe('ERR_DECRYPTION_FAILED')
  })
})

// The public test vectors, which are not in this repository. The vectors of Cobblestone test our own code. The others
// test node:crypto, on which it is built, with the options that cobblestone.ts uses.
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
} from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { open, unsafeSealWithSalt } from '../src/cobblestone.ts'
import { codeOf } from './support.ts'

const projectRoot = join(import.meta.dirname, '..', '..')
const folder = process.env.KEYHOLD_VECTORS ?? join(projectRoot, '..', 'shared', 'vectors', 'wycheproof')

interface Case {
  tcId: number
  comment: string
  flags: string[]
  result: 'valid' | 'invalid'
  /** HKDF and Cobblestone have these numbers. */
  size: number
  msgLength: number
  /** The other members are hex. */
  [member: string]: unknown
}

interface Group {
  keySize: number
  ivSize: number
  tagSize: number
  tests: Case[]
}

function groups(file: string): Group[] {
  return (JSON.parse(readFileSync(join(folder, file), 'utf8')) as { testGroups: Group[] }).testGroups
}

function casesOf(file: string): Case[] {
  return groups(file).flatMap((group) => group.tests)
}

function hex(value: unknown): Buffer {
  if (typeof value !== 'string') throw new TypeError('a vector lacks a member')
  return Buffer.from(value, 'hex')
}

/** The numbers of valid and of invalid `items`: an emptied file must not pass. */
function counts(items: Case[]): [number, number] {
  const valid = items.filter((item) => item.result === 'valid').length
  return [valid, items.length - valid]
}

if (!existsSync(folder)) {
  const name = `SKIPPED: the Wycheproof vectors are missing: no folder ${folder} (KEYHOLD_VECTORS names another)`
  process.stderr.write(`${name}\n`)
  test.skip(name)
} else {
  describe('Cobblestone-256, through our own seal and open', () => {
    const cases = casesOf('c2sp_chunked_encryption_aes_256_gcm_test.json')

    test('the file has all of its 35 cases', () => {
      expect(counts(cases)).toEqual([10, 25])
    })

    test.each(cases)('case $tcId is $result: $comment', (item) => {
      const key = createSecretKey(hex(item.key))
      const context = hex(item.ctx)
      const sealed = inflateSync(hex(item.ct))
      if (item.flags.includes('InvalidKeySize')) {
        expect(() => open(key, context, sealed)).toThrow(RangeError)
        return
      }
      if (item.result === 'invalid') {
        expect(codeOf(() => open(key, context, sealed))).toBe('ERR_DECRYPTION_FAILED')
        return
      }
      const plaintext = open(key, context, sealed)
      expect(plaintext.length).toBe(item.msgLength)
      expect(createHash('sha512').update(plaintext).digest('hex')).toBe(item.msgSha512)
      expect(unsafeSealWithSalt(key, context, plaintext, sealed.subarray(0, 24)).equals(sealed)).toBe(true)
    })
  })

  describe('AES-256-GCM of node:crypto with a 96-bit nonce and a 128-bit tag', () => {
    const cases = groups('aes_gcm_test.json')
      .filter((group) => group.keySize === 256 && group.ivSize === 96 && group.tagSize === 128)
      .flatMap((group) => group.tests)
    const options = { authTagLength: 16 }

    test('the file has all of its 66 cases', () => {
      expect(counts(cases)).toEqual([39, 27])
    })

    test.each(cases)('case $tcId is $result: $comment', (item) => {
      const key = createSecretKey(hex(item.key))
      const decipher = createDecipheriv('aes-256-gcm', key, hex(item.iv), options)
      decipher.setAAD(hex(item.aad)).setAuthTag(hex(item.tag))
      const plaintext = decipher.update(hex(item.ct))
      if (item.result === 'invalid') {
        expect(() => decipher.final()).toThrow()
        return
      }
      decipher.final()
      expect(plaintext.toString('hex')).toBe(item.msg)
      const cipher = createCipheriv('aes-256-gcm', key, hex(item.iv), options).setAAD(hex(item.aad))
      expect(cipher.update(hex(item.msg)).toString('hex')).toBe(item.ct)
      cipher.final()
      expect(cipher.getAuthTag().toString('hex')).toBe(item.tag)
    })
  })

  describe('HMAC-SHA-512 of node:crypto', () => {
    const cases = casesOf('hmac_sha512_test.json')

    test('the file has all of its 174 cases', () => {
      expect(counts(cases)).toEqual([66, 108])
    })

    test('makes every valid tag and no invalid one', () => {
      for (const item of cases) {
        const mac = createHmac('sha512', createSecretKey(hex(item.key)))
          .update(hex(item.msg))
          .digest()
        const tag = hex(item.tag)
        expect([32, 64]).toContain(tag.length)
        const same = mac.subarray(0, tag.length).equals(tag)
        expect(same, `case ${item.tcId}`).toBe(item.result === 'valid')
      }
    })
  })

  describe('HKDF-SHA-512', () => {
    const cases = casesOf('hkdf_sha512_test.json')

    test('the file has all of its 83 cases', () => {
      expect(counts(cases)).toEqual([80, 3])
    })

    test('of node:crypto makes every valid output and refuses every invalid length', () => {
      for (const item of cases) {
        const derive = (): Buffer =>
          Buffer.from(hkdfSync('sha512', hex(item.ikm), hex(item.salt), hex(item.info), item.size))
        if (item.result === 'invalid') expect(derive, `case ${item.tcId}`).toThrow()
        else expect(derive().toString('hex'), `case ${item.tcId}`).toBe(item.okm)
      }
    })

    test('expands to the same output when made of HMACs, as Cobblestone does', () => {
      for (const item of cases.filter(({ result }) => result === 'valid')) {
        const prk = createHmac('sha512', hex(item.salt)).update(hex(item.ikm)).digest()
        let block: Buffer = Buffer.alloc(0)
        let output: Buffer = block
        for (let index = 1; output.length < item.size; index++) {
          const mac = createHmac('sha512', createSecretKey(prk)).update(block).update(hex(item.info))
          block = mac.update(Buffer.of(index)).digest()
          output = Buffer.concat([output, block])
        }
        expect(output.subarray(0, item.size).toString('hex'), `case ${item.tcId}`).toBe(item.okm)
      }
    })
  })
}

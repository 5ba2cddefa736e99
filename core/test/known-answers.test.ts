// The frozen known answers of every format. They were made by an independent implementation.
// Changing one breaks stored data: where a test here fails, the code is wrong, never the file.
import { createHash, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { encodeByokWrap, parseByokWrap } from '../src/byok-wrap.ts'
import { unwrapDataKey, wrapDataKey } from '../src/cipherkey.ts'
import { open, unsafeSealWithSalt } from '../src/cobblestone.ts'
import { contextPurpose, encodeContext, type ContextFields } from '../src/context/context.ts'
import { keyFromBytes } from '../src/data-key.ts'
import { keyArnFingerprint } from '../src/fingerprint.ts'
import { keyCheckValue, verifyKeyCheckValue } from '../src/key-check-value.ts'
import { encodeHeader, encodeToken, parseHeader, parseToken } from '../src/token.ts'
import { decryptValue } from '../src/value.ts'
import { codeOf } from './support.ts'

interface NamedKey {
  id: string
  version: number
  key: string
}

interface KnownAnswers {
  comment: string
  contexts: { name: string; fields: ContextFields; hex: string; sha256: string }[]
  sealed: {
    name: string
    key: string
    context: string
    salt: string
    plaintext?: string
    sealed?: string
    patternedPlaintextBytes?: number
    sealedBase64?: string
  }[]
  keyCheckValues: (NamedKey & { tenantId: string; keyCheckValue: string })[]
  fingerprints: { keyArn: string; fingerprint: string }[]
  internalTenantKeyWraps: (NamedKey & {
    rootKeyId: string
    rootKey: string
    tenantId: string
    salt: string
    wrapped: string
  })[]
  cipherkeys: { tenantId: string; tenantKey: NamedKey; dataKey: NamedKey; salt: string; wrapped: string }[]
  cipherkeysOfFormat2: {
    name: string
    tenantId: string
    tenantKey: NamedKey
    dataKey: NamedKey
    /** Missing: the data key has none. */
    keyName?: string
    createdAtMs: number
    context: string
    salt: string
    wrapped: string
  }[]
  headers: { dataKeyId: string; version: number; hex: string }[]
  tokens: {
    name: string
    tenantId: string
    dataKey: NamedKey
    context: Record<string, string>
    plaintext: string
    salt: string
    token: string
  }[]
  byokWraps: { fingerprint: string; ciphertextBlob: string; text: string }[]
}

const file = join(import.meta.dirname, '..', '..', 'vectors', 'known-answers.json')
const answers = JSON.parse(readFileSync(file, 'utf8')) as KnownAnswers

const hex = (text: string): Buffer => Buffer.from(text, 'hex')
const key = (text: string): KeyObject => keyFromBytes(hex(text))
const patterned = (length: number): Buffer => Buffer.from(Array.from({ length }, (_, index) => index % 251))

test('the file is whole and says that it is frozen', () => {
  expect(answers.comment).toContain('frozen')
  expect(
    Object.values(answers)
      .slice(1)
      .map((list: unknown[]) => list.length),
  ).toEqual([13, 5, 4, 3, 2, 2, 3, 4, 3, 6, 4, 3, 5])
})

describe('context bytes', () => {
  test.each(answers.contexts)('encode to the frozen bytes: $name', ({ fields, ...expected }) => {
    const bytes = encodeContext(fields)
    expect(bytes.toString('hex')).toBe(expected.hex)
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(expected.sha256)
  })

  test('the first one is the published example of 112 bytes', () => {
    expect(answers.contexts[0]?.hex).toHaveLength(2 * 112)
    expect(answers.contexts[0]?.sha256).toBe(
      '24cf8a7cb1faa4569cd55ee3c77c0d6ff34c8b28babb56f31b5a3f9ff431050d',
    )
  })
})

describe('sealed messages', () => {
  test.each(answers.sealed)('open, and seal to the frozen bytes: $name', (item) => {
    const plaintext =
      item.plaintext === undefined ? patterned(item.patternedPlaintextBytes ?? 0) : hex(item.plaintext)
    const sealed =
      item.sealed === undefined ? Buffer.from(item.sealedBase64 ?? '', 'base64') : hex(item.sealed)
    expect(open(key(item.key), hex(item.context), sealed).equals(plaintext)).toBe(true)
    const again = unsafeSealWithSalt(key(item.key), hex(item.context), plaintext, hex(item.salt))
    expect(again.equals(sealed)).toBe(true)
  })
})

describe('keys', () => {
  test.each(answers.keyCheckValues)('the check value of version $version of $id has not changed', (item) => {
    const identified = { tenantId: item.tenantId, id: item.id, version: item.version, key: key(item.key) }
    expect(keyCheckValue(identified).toString('hex')).toBe(item.keyCheckValue)
    verifyKeyCheckValue(identified, hex(item.keyCheckValue))
  })

  test.each(answers.fingerprints)('the fingerprint of $keyArn has not changed', ({ keyArn, fingerprint }) => {
    expect(keyArnFingerprint(keyArn)).toBe(fingerprint)
  })

  test.each(answers.internalTenantKeyWraps)(
    'version $version of a tenant key under the root key unwraps and wraps as ever',
    (item) => {
      const context = encodeContext({
        purpose: contextPurpose.tenantKeyWrap,
        tenantId: item.tenantId,
        objectId: item.id,
        version: item.version,
        pairs: { rootKeyId: item.rootKeyId },
      })
      expect(open(key(item.rootKey), context, hex(item.wrapped)).toString('hex')).toBe(item.key)
      const again = unsafeSealWithSalt(key(item.rootKey), context, hex(item.key), hex(item.salt))
      expect(again.toString('hex')).toBe(item.wrapped)
    },
  )

  test.each(answers.cipherkeys)(
    'version $dataKey.version of a data key unwraps and wraps as ever',
    (item) => {
      const names = { tenantId: item.tenantId, format: 1 as const }
      const tenantKey = { ...item.tenantKey, ...names, key: key(item.tenantKey.key) }
      const facts = { keyName: 'any', createdAtMs: 0 }
      const ref = { ...item.dataKey, tenantId: item.tenantId }
      const dataKey = unwrapDataKey(tenantKey, ref, facts, hex(item.wrapped))
      expect(dataKey.key.export().toString('hex')).toBe(item.dataKey.key)
      const context = encodeContext({
        purpose: contextPurpose.dataKeyWrap,
        tenantId: item.tenantId,
        objectId: item.dataKey.id,
        version: item.dataKey.version,
        pairs: { tenantKeyId: item.tenantKey.id, tenantKeyVersion: String(item.tenantKey.version) },
      })
      const again = unsafeSealWithSalt(tenantKey.key, context, hex(item.dataKey.key), hex(item.salt))
      expect(again.toString('hex')).toBe(item.wrapped)
      expect(wrapDataKey(tenantKey, dataKey, facts)).toHaveLength(again.length)
    },
  )

  test.each(answers.cipherkeysOfFormat2)('under format 2 unwrap and wrap as ever: $name', (item) => {
    const { tenantId, keyName, createdAtMs } = item
    const tenantKey = { ...item.tenantKey, tenantId, format: 2 as const, key: key(item.tenantKey.key) }
    const ref = { ...item.dataKey, tenantId }
    const facts = { keyName, createdAtMs }
    const dataKey = unwrapDataKey(tenantKey, ref, facts, hex(item.wrapped))
    expect(dataKey.key.export().toString('hex')).toBe(item.dataKey.key)
    const again = unsafeSealWithSalt(tenantKey.key, hex(item.context), hex(item.dataKey.key), hex(item.salt))
    expect(again.toString('hex')).toBe(item.wrapped)
    // The context is the one that Keyhold wraps with.
    expect(open(tenantKey.key, hex(item.context), wrapDataKey(tenantKey, dataKey, facts))).toHaveLength(32)
    const first = { ...tenantKey, format: 1 as const }
    expect(codeOf(() => unwrapDataKey(first, ref, facts, hex(item.wrapped)))).toBe('ERR_KEY_INTEGRITY')
  })

  test.each(answers.byokWraps)('the wrap $text parses, and encodes to the frozen text', (item) => {
    const parsed = parseByokWrap(item.text)
    expect(parsed.fingerprint).toBe(item.fingerprint)
    expect(parsed.ciphertextBlob.toString('hex')).toBe(item.ciphertextBlob)
    expect(encodeByokWrap(item.fingerprint, hex(item.ciphertextBlob))).toBe(item.text)
  })
})

describe('tokens', () => {
  test.each(answers.headers)('the header of version $version of $dataKeyId has not changed', (item) => {
    const header = { dataKeyId: item.dataKeyId, version: item.version }
    expect(encodeHeader(header).toString('hex')).toBe(item.hex)
    expect(parseHeader(hex(item.hex))).toEqual(header)
  })

  test.each(answers.tokens)('decrypt, and encrypt to the frozen text: $name', (item) => {
    const dataKey = { ...item.dataKey, tenantId: item.tenantId, key: key(item.dataKey.key) }
    const plaintext = decryptValue(dataKey, item.context, parseToken(item.token))
    expect(plaintext.toString('hex')).toBe(item.plaintext)
    const header = encodeHeader({ dataKeyId: dataKey.id, version: dataKey.version })
    const context = encodeContext({
      purpose: contextPurpose.value,
      tenantId: item.tenantId,
      objectId: dataKey.id,
      version: dataKey.version,
      pairs: item.context,
    })
    const sealed = unsafeSealWithSalt(
      dataKey.key,
      Buffer.concat([header, context]),
      plaintext,
      hex(item.salt),
    )
    expect(encodeToken(Buffer.concat([header, sealed]))).toBe(item.token)
  })
})

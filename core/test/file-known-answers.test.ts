// The frozen known answers of files and blind indexes, made by an independent implementation.
// Changing one breaks stored data: where a test here fails, the code is wrong, never the file.
import { createHash, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { blindIndex } from '../src/blind-index.ts'
import { keyFromBytes, type DataKey } from '../src/data-key.ts'
import { encryptedFileBytes, fileFormat, plaintextFileBytes } from '../src/file/file-format.ts'
import { createFileOpener, parseFileHeader } from '../src/file/file-opener.ts'
import { unsafeCreateFileSealerWithSalt } from '../src/file/file-sealer.ts'

interface KnownAnswers {
  files: {
    name: string
    tenantId: string
    dataKey: { id: string; version: number; key: string }
    context: Record<string, string>
    patternedPlaintextBytes: number
    salt: string
    fileBytes: number
    fileSha256: string
    file?: string
  }[]
  blindIndexes: {
    name: string
    key: string
    pairs: Record<string, string>
    value: string
    bits: number
    index: string
  }[]
}

const path = join(import.meta.dirname, '..', '..', 'vectors', 'known-answers.json')
const answers = JSON.parse(readFileSync(path, 'utf8')) as KnownAnswers

const hex = (text: string): Buffer => Buffer.from(text, 'hex')
const key = (text: string): KeyObject => keyFromBytes(hex(text))

function patterned(length: number): Buffer {
  return Buffer.alloc(length, Buffer.from(Array.from({ length: 251 }, (_, index) => index)))
}

function sealWhole(dataKey: DataKey, item: KnownAnswers['files'][number]): Buffer {
  const sealer = unsafeCreateFileSealerWithSalt(dataKey, item.context, hex(item.salt))
  const blocks = Buffer.alloc(item.fileBytes - fileFormat.headBytes)
  const plaintext = patterned(item.patternedPlaintextBytes)
  expect(sealer.sealBlock(plaintext, blocks, true)).toBe(blocks.length)
  return Buffer.concat([sealer.head, blocks])
}

test.each(answers.files)('a file encrypts to the frozen bytes and decrypts: $name', (item) => {
  const dataKey = { ...item.dataKey, tenantId: item.tenantId, key: key(item.dataKey.key) }
  const file = sealWhole(dataKey, item)
  expect(createHash('sha256').update(file).digest('hex')).toBe(item.fileSha256)
  if (item.file !== undefined) expect(file.toString('hex')).toBe(item.file)
  expect(encryptedFileBytes(item.patternedPlaintextBytes)).toBe(item.fileBytes)
  expect(plaintextFileBytes(item.fileBytes)).toBe(item.patternedPlaintextBytes)

  expect(parseFileHeader(file)).toEqual({ dataKeyId: item.dataKey.id, version: item.dataKey.version })
  const opener = createFileOpener(dataKey, item.context, file.subarray(0, fileFormat.headBytes))
  const plaintext = Buffer.alloc(item.patternedPlaintextBytes)
  expect(opener.openBlock(0, file.subarray(fileFormat.headBytes), plaintext, true)).toBe(plaintext.length)
  expect(plaintext.equals(patterned(item.patternedPlaintextBytes))).toBe(true)
})

test.each(answers.blindIndexes)('a blind index has not changed: $name', (item) => {
  expect(blindIndex(key(item.key), item.pairs, item.value, item.bits)).toBe(item.index)
})

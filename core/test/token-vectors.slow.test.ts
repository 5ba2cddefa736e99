// An implementation in Python, written from docs/formats.md alone, opens what Keyhold makes, and Keyhold opens what it makes. It
// needs a Python from 3.9 with the package `cryptography`; without it the tests are skipped by name.
import { execFileSync } from 'node:child_process'
import path from 'node:path'
import { expect, test } from 'vitest'
import { encryptedFileBytes, fileFormat } from '../src/file/file-format.ts'
import { createFileOpener } from '../src/file/file-opener.ts'
import { createFileSealer } from '../src/file/file-sealer.ts'
import { parseToken } from '../src/token.ts'
import { decryptValue, encryptValue } from '../src/value.ts'
import { hasPython, runPython } from '../../testkit/src/process/python.ts'
import { testDataKey } from './support.ts'

const program = path.join(import.meta.dirname, '../../vectors/tokens.py')
const withPython = test.skipIf(!hasPython('cryptography'))
const dataKey = testDataKey()
const context = { table: 'users', näme: 'Ünï 🔑', empty: '' }
const task = {
  tenantId: dataKey.tenantId,
  dataKey: { id: dataKey.id, version: dataKey.version, key: dataKey.key.export().toString('hex') },
  context,
}
const plaintexts = [0, 1, 16_383, 16_384, 16_385, 40_000].map((length) => Buffer.alloc(length, 'x'))

function ask(open: object[], make: object[]): { opened: (string | null)[]; made: string[] } {
  const input = JSON.stringify({ open, make })
  const python = process.env.PYTHON ?? 'python3'
  return JSON.parse(execFileSync(python, [program], { input, encoding: 'utf8' })) as ReturnType<typeof ask>
}

function sealFile(plaintext: Buffer): Buffer {
  const sealer = createFileSealer(dataKey, context)
  const blocks = Buffer.alloc(encryptedFileBytes(plaintext.length) - fileFormat.headBytes)
  sealer.sealBlock(plaintext, blocks, true)
  return Buffer.concat([sealer.head, blocks])
}

function openFile(file: Buffer): Buffer {
  const target = Buffer.alloc(file.length)
  const opener = createFileOpener(dataKey, context, file.subarray(0, fileFormat.headBytes))
  return target.subarray(0, opener.openBlock(0, file.subarray(fileFormat.headBytes), target, true))
}

withPython('vectors/tokens.py makes the known answers (needs Python with cryptography)', () => {
  expect(runPython(program, 'check')).toMatch(/^4 tokens and 6 files are as docs\/formats.md says/)
})

withPython(
  'it opens tokens and files of Keyhold, and no changed ones (needs Python with cryptography)',
  () => {
    const tokens = plaintexts.map((each) => ({
      ...task,
      kind: 'token',
      data: encryptValue(dataKey, context, each),
    }))
    const files = plaintexts.map((each) => ({ ...task, kind: 'file', data: sealFile(each).toString('hex') }))
    const others = [
      { ...tokens[1], context: { ...context, table: 'orders' } },
      { ...files[1], tenantId: 'another' },
      { ...files[1], kind: 'token', data: `kh1.${sealFile(Buffer.from('x')).toString('base64url')}` },
      { ...files[4], data: sealFile(Buffer.alloc(16_385)).subarray(0, -17).toString('hex') },
    ]
    const { opened } = ask([...tokens, ...files, ...others], [])
    const expected = plaintexts.map((each) => each.toString('hex'))
    expect(opened).toEqual([...expected, ...expected, null, null, null, null])
  },
)

withPython('Keyhold opens tokens and files that it makes (needs Python with cryptography)', () => {
  const tasks = (kind: string) =>
    plaintexts.map((each) => ({ ...task, kind, plaintext: each.toString('hex') }))
  const tokens = ask([], tasks('token')).made
  expect(tokens.map((each) => decryptValue(dataKey, context, parseToken(each)))).toEqual(plaintexts)
  const files = ask([], tasks('file')).made
  expect(files.map((each) => openFile(Buffer.from(each, 'hex')))).toEqual(plaintexts)
})

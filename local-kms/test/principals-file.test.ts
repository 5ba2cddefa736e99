// Malformed files of principals are refused. The principals of an accepted file have its credentials and policies.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ListKeysCommand } from '@aws-sdk/client-kms'
import { afterAll, expect, test } from 'vitest'
import { startLocalKms } from '../src/index.ts'
import { ownerAccount, refusal, startKms } from './kms-under-test.ts'

const folder = mkdtempSync(join(tmpdir(), 'local-kms-principals-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

function fileOf(content: unknown): string {
  const path = join(folder, 'principals.json')
  const isText = typeof content === 'string' || Buffer.isBuffer(content)
  writeFileSync(path, isText ? content : JSON.stringify(content))
  return path
}

const good = {
  accessKeyId: 'KEYHOLD',
  secretAccessKey: 's3cret',
  arn: `arn:aws:iam::${ownerAccount}:role/keyhold`,
}

test.each<[string, unknown, string]>([
  ['no JSON', '{', 'JSON'],
  ['UTF-16 without a mark', Buffer.from('[]', 'utf16le'), 'holds NUL bytes, as UTF-16 without'],
  ['Latin-1', Buffer.from('["é"]', 'latin1'), 'is not text in UTF-8'],
  ['no list', good, 'expected a JSON array'],
  ['no access key', [{ ...good, accessKeyId: undefined }], 'entry 0: "accessKeyId"'],
  ['no secret', [good, { ...good, secretAccessKey: '' }], 'entry 1: "secretAccessKey"'],
  ['an ARN of no principal', [{ ...good, arn: 'arn:aws:s3:::bucket' }], 'entry 0: "arn"'],
  ['an access key twice', [good, good], 'entry 1: its accessKeyId is listed twice'],
  [
    'a bad policy',
    [{ ...good, policy: { Statement: [{}] } }],
    'entry 0: Policy contains a statement without an Effect',
  ],
])('%s is refused', async (_, content, message) => {
  const principalsFile = fileOf(content)
  await expect(startLocalKms({ principalsFile })).rejects.toThrow(principalsFile)
  await expect(startLocalKms({ principalsFile })).rejects.toThrow(message)
})

test('a listed principal signs with its own secret and may do what its policy allows', async () => {
  const policy = { Statement: { Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' } }
  const kms = await startKms({ principalsFile: fileOf([{ ...good, policy }]) })
  const own = kms.client({ accessKeyId: 'KEYHOLD', secretAccessKey: 's3cret' })
  expect((await own.send(new ListKeysCommand({}))).Keys).toStrictEqual([])
  const wrong = kms.client({ accessKeyId: 'KEYHOLD', secretAccessKey: 'test' })
  expect((await refusal(wrong.send(new ListKeysCommand({})))).name).toBe('InvalidSignatureException')
})

test.each<[string, (text: string) => Buffer]>([
  ['UTF-8 with a byte order mark and Windows line ends', (text) => Buffer.from(`\uFEFF${text}\r\n`)],
  ['UTF-16 as Windows writes it', (text) => Buffer.from(`\uFEFF${text}\r\n`, 'utf16le')],
  ['UTF-16 in the other order', (text) => Buffer.from(`\uFEFF${text}\n`, 'utf16le').swap16()],
])('a file in %s is read', async (_, write) => {
  const policy = { Statement: { Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' } }
  const kms = await startKms({
    principalsFile: fileOf(write(JSON.stringify([{ ...good, policy }], null, 2))),
  })
  const own = kms.client({ accessKeyId: 'KEYHOLD', secretAccessKey: 's3cret' })
  expect((await own.send(new ListKeysCommand({}))).Keys).toStrictEqual([])
})

test('the access key "test" is the administrator of 123456789012', async () => {
  const kms = await startKms()
  await kms.client({ accessKeyId: 'test' }).send(new ListKeysCommand({}))
  expect(kms.countCalls({ account: '123456789012' })).toBe(1)
})

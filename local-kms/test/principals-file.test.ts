// Which files of principals are refused, and that one that is accepted gives its principals their credentials.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ListKeysCommand } from '@aws-sdk/client-kms'
import { afterAll, expect, test } from 'vitest'
import { startLocalKms } from '../src/index.ts'
import { OWNER, refusal, startKms } from './kms-under-test.ts'

const folder = mkdtempSync(join(tmpdir(), 'local-kms-principals-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

function fileOf(content: unknown): string {
  const path = join(folder, 'principals.json')
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  return path
}

const GOOD = { accessKeyId: 'KEYHOLD', secretAccessKey: 's3cret', arn: `arn:aws:iam::${OWNER}:role/keyhold` }

test.each<[string, unknown, string]>([
  ['no JSON', '{', 'JSON'],
  ['no list', GOOD, 'expected a JSON array'],
  ['no access key', [{ ...GOOD, accessKeyId: undefined }], 'entry 0: "accessKeyId"'],
  ['no secret', [GOOD, { ...GOOD, secretAccessKey: '' }], 'entry 1: "secretAccessKey"'],
  ['an ARN of no principal', [{ ...GOOD, arn: 'arn:aws:s3:::bucket' }], 'entry 0: "arn"'],
  ['an access key twice', [GOOD, GOOD], 'entry 1: its accessKeyId is listed twice'],
  [
    'a bad policy',
    [{ ...GOOD, policy: { Statement: [{}] } }],
    'entry 0: Policy contains a statement without an Effect',
  ],
])('%s is refused', async (_, content, message) => {
  const principalsFile = fileOf(content)
  await expect(startLocalKms({ principalsFile })).rejects.toThrow(principalsFile)
  await expect(startLocalKms({ principalsFile })).rejects.toThrow(message)
})

test('a listed principal signs with its own secret and has what its policy gives', async () => {
  const policy = { Statement: { Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' } }
  const kms = await startKms({ principalsFile: fileOf([{ ...GOOD, policy }]) })
  const own = kms.client({ accessKeyId: 'KEYHOLD', secretAccessKey: 's3cret' })
  expect((await own.send(new ListKeysCommand({}))).Keys).toStrictEqual([])
  const wrong = kms.client({ accessKeyId: 'KEYHOLD', secretAccessKey: 'test' })
  expect((await refusal(wrong.send(new ListKeysCommand({})))).name).toBe('InvalidSignatureException')
})

test('the access key "test" is the administrator of 123456789012', async () => {
  const kms = await startKms()
  await kms.client({ accessKeyId: 'test' }).send(new ListKeysCommand({}))
  expect(kms.countCalls({ account: '123456789012' })).toBe(1)
})

// The AWS CLI and boto3, unmodified, against grants, imports, rotations and custom key stores. They are programs of their
// own: PATH has `aws` and a `python3` with boto3, or AWS_CLI and PYTHON_WITH_BOTO3 name them. (They can be had with
// `pip install awscli boto3` in a virtual environment.) What is missing is skipped by name.
import { execFile, execFileSync } from 'node:child_process'
import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, describe, expect, test } from 'vitest'
import { homeRegion, ownerAccount, startKms, strangerAccount } from './kms-under-test.ts'

const run = promisify(execFile)
const aws = process.env.AWS_CLI ?? 'aws'
const python = process.env.PYTHON_WITH_BOTO3 ?? 'python3'
const kms = await startKms()
const folder = mkdtempSync(join(tmpdir(), 'local-kms-clients-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

function runs(program: string, ...args: string[]): boolean {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const environment = (account: string) => ({
  ...process.env,
  AWS_ACCESS_KEY_ID: account,
  AWS_SECRET_ACCESS_KEY: 'test',
  AWS_DEFAULT_REGION: homeRegion,
  AWS_ENDPOINT_URL: kms.url,
  AWS_MAX_ATTEMPTS: '1',
  AWS_PAGER: '',
})

type Json = Partial<Record<string, unknown>>

async function cli(args: string[], account = ownerAccount): Promise<Json> {
  const { stdout } = await run(aws, ['kms', ...args, '--output', 'json'], { env: environment(account) })
  return (stdout === '' ? {} : JSON.parse(stdout)) as Json
}

async function cliRefusal(args: string[], account = ownerAccount): Promise<string> {
  return cli(args, account).then(
    () => 'an answer',
    (error: unknown) => String(error),
  )
}

const grantee = `arn:aws:iam::${strangerAccount}:root`
// Each call of the CLI starts a Python.
const timeout = { timeout: 240_000 }
const hasCli = runs(aws, '--version')
const hasBoto3 = runs(python, '-c', 'import boto3')

describe.skipIf(!hasCli)('the AWS CLI (skipped where neither PATH nor AWS_CLI has it)', timeout, () => {
  const createKey = async (...args: string[]) =>
    (await cli(['create-key', ...args])).KeyMetadata as { KeyId: string; Arn: string }

  test('creates, lists and revokes grants', async () => {
    const { KeyId, Arn } = await createKey()
    const encrypt = ['encrypt', '--key-id', Arn, '--plaintext', 'eA==', '--encryption-context', 'tenantId=a']
    expect(await cliRefusal(encrypt, strangerAccount)).toContain('AccessDeniedException')
    const grant = await cli([
      ...['create-grant', '--key-id', KeyId, '--grantee-principal', grantee, '--operations', 'Encrypt'],
      ...['--constraints', 'EncryptionContextSubset={tenantId=a}'],
    ])
    expect((await cli(encrypt, strangerAccount)).KeyId).toBe(Arn)
    expect((await cli(['list-grants', '--key-id', KeyId])).Grants).toHaveLength(1)
    await cli(['revoke-grant', '--key-id', KeyId, '--grant-id', String(grant.GrantId)])
    expect(await cliRefusal(encrypt, strangerAccount)).toContain('AccessDeniedException')
  })

  test('retires a grant by its token, and pages by hand', async () => {
    const { KeyId, Arn } = await createKey()
    const create = ['create-grant', '--key-id', KeyId, '--grantee-principal', grantee]
    const operations = ['--operations', 'Encrypt', 'RetireGrant', '--name']
    const first = await cli([...create, ...operations, 'one'])
    expect((await cli([...create, ...operations, 'one'])).GrantId).toBe(first.GrantId)
    await cli([...create, ...operations, 'two'])
    const list = ['list-grants', '--key-id', KeyId, '--max-items', '1']
    const page = await cli(list)
    expect(page.Grants).toHaveLength(1)
    const last = await cli([...list, '--starting-token', String(page.NextToken)])
    expect([(last.Grants as unknown[]).length, last.NextToken]).toEqual([1, undefined])
    await cli(['retire-grant', '--grant-token', String(first.GrantToken)], strangerAccount)
    expect((await cli(['list-grants', '--key-id', Arn])).Grants).toMatchObject([{ Name: 'two' }])
  })

  test('rotates on demand, and lists rotations in pages', async () => {
    const { KeyId } = await createKey()
    for (let times = 0; times < 2; times += 1) await cli(['rotate-key-on-demand', '--key-id', KeyId])
    const { Rotations } = await cli(['list-key-rotations', '--key-id', KeyId, '--page-size', '1'])
    expect(Rotations).toMatchObject([{ RotationType: 'ON_DEMAND' }, { RotationType: 'ON_DEMAND' }])
  })

  test('imports material, loses it, and lists rotations in pages', async () => {
    const { KeyId, Arn } = await createKey('--origin', 'EXTERNAL')
    const file = (name: string, bytes: Buffer) => {
      const path = join(folder, name)
      writeFileSync(path, bytes)
      return `fileb://${path}`
    }
    const parameters = await cli([
      ...['get-parameters-for-import', '--key-id', KeyId],
      ...['--wrapping-algorithm', 'RSAES_OAEP_SHA_256', '--wrapping-key-spec', 'RSA_2048'],
    ])
    const key = createPublicKey({
      key: Buffer.from(String(parameters.PublicKey), 'base64'),
      format: 'der',
      type: 'spki',
    })
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    const wrapped = publicEncrypt({ key, padding, oaepHash: 'sha256' }, randomBytes(32))
    await cli([
      ...['import-key-material', '--key-id', KeyId],
      ...['--import-token', file('token', Buffer.from(String(parameters.ImportToken), 'base64'))],
      ...['--encrypted-key-material', file('material', wrapped)],
      ...['--expiration-model', 'KEY_MATERIAL_EXPIRES'],
      ...['--valid-to', new Date(Date.now() + 3_600_000).toISOString()],
    ])
    const encrypt = ['encrypt', '--key-id', KeyId, '--plaintext', 'eA==']
    await cli(encrypt)
    const all = ['list-key-rotations', '--key-id', KeyId, '--include-key-material', 'ALL_KEY_MATERIAL']
    expect((await cli([...all, '--page-size', '1'])).Rotations).toHaveLength(1)
    await cli(['delete-imported-key-material', '--key-id', KeyId])
    expect(await cliRefusal(encrypt)).toContain(`${Arn} is pending import.`)
  })
})

describe.skipIf(!hasBoto3)('boto3 (skipped where neither PATH nor PYTHON_WITH_BOTO3 has it)', timeout, () => {
  test('pages through grants and rotations, and meets the errors of a proxy by their class', async () => {
    const script = join(import.meta.dirname, 'boto3-client.py')
    kms.backingFailures.put('https://denying.example.com', 'AccessDeniedException')
    const env = { ...environment(ownerAccount), GRANTEE: grantee }
    const { stdout } = await run(python, [script], { env })
    expect(JSON.parse(stdout)).toStrictEqual({
      grants: 3,
      retirable: 3,
      rotations: 2,
      proxy: [
        'KMSInvalidStateException',
        'The external key store proxy denied access to the operation. Verify that the user and the external key are both authorized for this operation, and try the request again.',
      ],
      store: 'CONNECTED',
      random: 16,
      ended: ['AccessDeniedException', 'AccessDeniedException', 'NotFoundException'],
      imported: ['PendingImport', 'IMPORTED', 'KMSInvalidStateException', 'IMPORTED'],
      expires: 'KEY_MATERIAL_EXPIRES',
    })
  })
})

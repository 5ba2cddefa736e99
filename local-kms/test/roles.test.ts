// Roles across accounts: who may assume one, for how long a session lasts, and what it may do with a key.
import {
  AssumeRoleCommand,
  GetCallerIdentityCommand,
  STSClient,
  STSServiceException,
} from '@aws-sdk/client-sts'
import { DescribeKeyCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms'
import { afterAll, beforeEach, expect, test } from 'vitest'
import { bytes, createKey, OWNER, refusal, REGION, startKms, STRANGER } from './kms-under-test.ts'

let now = Date.now()
const kms = await startKms({ now: () => now })
const roleArn = `arn:aws:iam::${OWNER}:role/partners/keyhold`
const externalId = 'id-of-the-tenant'
const toClose: { destroy(): void }[] = []
afterAll(() => {
  for (const each of toClose) each.destroy()
})

const trust = (condition?: object) => ({
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${STRANGER}:root` },
    Action: 'sts:AssumeRole',
    ...(condition !== undefined && { Condition: condition }),
  },
})
const withExternalId = { StringEquals: { 'sts:ExternalId': externalId } }
const mayUse = (principal: string) =>
  JSON.stringify({
    Statement: [
      { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${OWNER}:root` }, Action: 'kms:*', Resource: '*' },
      { Effect: 'Allow', Principal: { AWS: principal }, Action: 'kms:Encrypt', Resource: '*' },
    ],
  })

interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

function stsClient(credentials: Credentials): STSClient {
  const client = new STSClient({ endpoint: kms.url, region: REGION, credentials, maxAttempts: 1 })
  toClose.push(client)
  return client
}
function kmsClient(credentials: Credentials): KMSClient {
  const client = new KMSClient({ endpoint: kms.url, region: REGION, credentials, maxAttempts: 1 })
  toClose.push(client)
  return client
}

const stranger = stsClient({ accessKeyId: STRANGER, secretAccessKey: 'test' })
const owner = kms.client()

async function assume(input: object = {}, client = stranger): Promise<Credentials> {
  const command = new AssumeRoleCommand({
    RoleArn: roleArn,
    RoleSessionName: 'test',
    ExternalId: externalId,
    DurationSeconds: 900,
    ...input,
  })
  const { Credentials: given } = await client.send(command)
  expect(given?.Expiration?.getTime()).toBeGreaterThan(now + 898_000)
  return {
    accessKeyId: given?.AccessKeyId ?? '',
    secretAccessKey: given?.SecretAccessKey ?? '',
    sessionToken: given?.SessionToken ?? '',
  }
}

async function stsRefusal(call: Promise<unknown>) {
  const error: unknown = await call.catch((reason: unknown) => reason)
  if (!(error instanceof STSServiceException)) throw new Error('expected a refusal of STS', { cause: error })
  return { name: error.name, status: error.$metadata.httpStatusCode }
}
const DENIED = { name: 'AccessDenied', status: 403 }

beforeEach(() => {
  kms.roles.put({ arn: roleArn, trust: trust(withExternalId) })
})

test('callers learn who they are', async () => {
  expect(await stranger.send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: STRANGER,
    Arn: `arn:aws:iam::${STRANGER}:root`,
  })
  const session = stsClient(await assume())
  expect(await session.send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: OWNER,
    Arn: `arn:aws:sts::${OWNER}:assumed-role/keyhold/test`,
  })
})

test.each([
  ['without the external id', { ExternalId: undefined }],
  ['with another external id', { ExternalId: 'id-of-another-tenant' }],
  ['of another name', { RoleArn: `${roleArn}2` }],
])('a role %s cannot be assumed', async (_, input) => {
  expect(await stsRefusal(assume(input))).toEqual(DENIED)
})

test('a role trusts whom its trust policy names, and nobody else', async () => {
  const other = stsClient({ accessKeyId: '777788889999', secretAccessKey: 'test' })
  expect(await stsRefusal(assume({}, other))).toEqual(DENIED)
  kms.roles.put({ arn: roleArn, trust: trust() })
  await assume({ ExternalId: undefined })
})

test.each([
  ['DurationSeconds', { DurationSeconds: 899 }],
  ['RoleSessionName', { RoleSessionName: 'a b' }],
])('an impossible %s is refused', async (_, input) => {
  expect(await stsRefusal(assume(input))).toEqual({ name: 'ValidationError', status: 400 })
})

test('a wrong secret is refused', async () => {
  const wrong = stsClient({ accessKeyId: STRANGER, secretAccessKey: 'tesT' })
  expect(await stsRefusal(assume({}, wrong))).toEqual({ name: 'SignatureDoesNotMatch', status: 403 })
})

test('a session uses a key whose policy names its role, whoever assumed it', async () => {
  const key = await createKey(owner, { Policy: mayUse(roleArn) })
  const session = kmsClient(await assume())
  const encrypt = new EncryptCommand({ KeyId: key.arn, Plaintext: bytes('x') })
  expect((await session.send(encrypt)).KeyId).toBe(key.arn)
  expect(
    kms.countCalls({ caller: `arn:aws:sts::${OWNER}:assumed-role/keyhold/test`, keyId: key.keyId }),
  ).toBe(1)
  expect((await refusal(session.send(new DescribeKeyCommand({ KeyId: key.arn })))).name).toBe(
    'AccessDeniedException',
  )
  const direct = kms.client({ accessKeyId: STRANGER })
  expect((await refusal(direct.send(encrypt))).name).toBe('AccessDeniedException')
})

test('an identity policy of the role counts where the key policy leaves it to the account', async () => {
  const key = await createKey(owner)
  const session = kmsClient(await assume())
  const describe = new DescribeKeyCommand({ KeyId: key.arn })
  expect((await refusal(session.send(describe))).name).toBe('AccessDeniedException')
  const policy = { Statement: { Effect: 'Allow', Action: 'kms:DescribeKey', Resource: key.arn } }
  kms.roles.put({ arn: roleArn, trust: trust(withExternalId), policy })
  expect((await session.send(describe)).KeyMetadata?.Arn).toBe(key.arn)
})

test('a session outlives a change of the trust, until it expires, and ends with its role', async () => {
  const key = await createKey(owner, { Policy: mayUse(roleArn) })
  const credentials = await assume()
  const session = kmsClient(credentials)
  const encrypt = new EncryptCommand({ KeyId: key.arn, Plaintext: bytes('x') })
  kms.roles.put({ arn: roleArn, trust: trust({ StringEquals: { 'sts:ExternalId': 'changed' } }) })
  expect(await stsRefusal(assume())).toEqual(DENIED)
  now += 899_000
  await session.send(encrypt)
  now += 2_000
  expect((await refusal(session.send(encrypt))).name).toBe('ExpiredTokenException')
  expect(await stsRefusal(stsClient(credentials).send(new GetCallerIdentityCommand({})))).toEqual({
    name: 'ExpiredToken',
    status: 403,
  })
  kms.roles.put({ arn: roleArn, trust: trust(withExternalId) })
  const another = kmsClient(await assume())
  kms.roles.delete(roleArn)
  expect((await refusal(another.send(encrypt))).name).toBe('UnrecognizedClientException')
})

test('without its token, or with another one, a session is nobody', async () => {
  const { accessKeyId, secretAccessKey } = await assume()
  for (const sessionToken of [undefined, 'x']) {
    const client = kmsClient({ accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) })
    expect((await refusal(client.send(new DescribeKeyCommand({ KeyId: 'x' })))).name).toBe(
      'UnrecognizedClientException',
    )
  }
})

const control = (method: string, path: string, body?: unknown) =>
  fetch(`${kms.url}/_local-kms/${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })

test('roles are made and taken away over HTTP', async () => {
  const arn = `arn:aws:iam::${OWNER}:role/made-over-http`
  const path = `roles/${encodeURIComponent(arn)}`
  expect((await control('PUT', path, { trust: trust() })).status).toBe(201)
  await assume({ RoleArn: arn })
  expect((await control('DELETE', path)).status).toBe(204)
  expect((await control('DELETE', path)).status).toBe(404)
  expect(await stsRefusal(assume({ RoleArn: arn }))).toEqual(DENIED)
})

test.each([
  ['no role', 'roles/x', { trust: trust() }, '"arn" expected'],
  ['no trust', `roles/${encodeURIComponent(roleArn)}`, {}, 'Policy is not valid JSON'],
  [
    'a trust with a resource',
    `roles/${encodeURIComponent(roleArn)}`,
    { trust: { Statement: { ...trust().Statement, Resource: '*' } } },
    'unknown field: Resource',
  ],
  [
    'a trust in what KMS does',
    `roles/${encodeURIComponent(roleArn)}`,
    { trust: { Statement: { ...trust().Statement, Action: 'kms:Decrypt' } } },
    'invalid actions',
  ],
])('%s is refused', async (_, path, body, message) => {
  const answer = await control('PUT', path, body)
  expect(answer.status).toBe(400)
  expect(((await answer.json()) as { error: string }).error).toContain(message)
})

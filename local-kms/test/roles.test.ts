// Roles across accounts: which callers may assume one, how long a session lasts, and what it may do with a key.
import { AssumeRoleCommand, GetCallerIdentityCommand, STSServiceException } from '@aws-sdk/client-sts'
import { DescribeKeyCommand, EncryptCommand } from '@aws-sdk/client-kms'
import { beforeEach, expect, test } from 'vitest'
import { bytes, createKey, ownerAccount, refusal, startKms, strangerAccount } from './kms-under-test.ts'

let now = Date.now()
const kms = await startKms({ now: () => now })
const roleArn = `arn:aws:iam::${ownerAccount}:role/partners/keyhold`
const externalId = 'id-of-the-tenant'

const trust = (condition?: object) => ({
  Version: '2012-10-17',
  Statement: {
    Effect: 'Allow',
    Principal: { AWS: `arn:aws:iam::${strangerAccount}:root` },
    Action: 'sts:AssumeRole',
    ...(condition !== undefined && { Condition: condition }),
  },
})
const withExternalId = { StringEquals: { 'sts:ExternalId': externalId } }
const mayUse = (principal: string) =>
  JSON.stringify({
    Statement: [
      {
        Effect: 'Allow',
        Principal: { AWS: `arn:aws:iam::${ownerAccount}:root` },
        Action: 'kms:*',
        Resource: '*',
      },
      { Effect: 'Allow', Principal: { AWS: principal }, Action: 'kms:Encrypt', Resource: '*' },
    ],
  })

interface Credentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
}

const stranger = kms.stsClient({ accessKeyId: strangerAccount })
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
const denied = { name: 'AccessDenied', status: 403 }

beforeEach(() => {
  kms.roles.put({ arn: roleArn, trust: trust(withExternalId) })
})

test('callers learn who they are', async () => {
  expect(await stranger.send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: strangerAccount,
    Arn: `arn:aws:iam::${strangerAccount}:root`,
  })
  const session = kms.stsClient(await assume())
  expect(await session.send(new GetCallerIdentityCommand({}))).toMatchObject({
    Account: ownerAccount,
    Arn: `arn:aws:sts::${ownerAccount}:assumed-role/keyhold/test`,
  })
})

test.each([
  ['without the external id', { ExternalId: undefined }],
  ['with another external id', { ExternalId: 'id-of-another-tenant' }],
  ['of another name', { RoleArn: `${roleArn}2` }],
])('a role %s cannot be assumed', async (_, input) => {
  expect(await stsRefusal(assume(input))).toEqual(denied)
})

test('a role trusts the principals that its trust policy names, and nobody else', async () => {
  const other = kms.stsClient({ accessKeyId: '777788889999' })
  expect(await stsRefusal(assume({}, other))).toEqual(denied)
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
  const wrong = kms.stsClient({ accessKeyId: strangerAccount, secretAccessKey: 'tesT' })
  expect(await stsRefusal(assume({}, wrong))).toEqual({ name: 'SignatureDoesNotMatch', status: 403 })
})

test('a session uses a key whose policy names its role, even if its caller may not use the key', async () => {
  const key = await createKey(owner, { Policy: mayUse(roleArn) })
  const session = kms.client(await assume())
  const encrypt = new EncryptCommand({ KeyId: key.arn, Plaintext: bytes('x') })
  expect((await session.send(encrypt)).KeyId).toBe(key.arn)
  expect(
    kms.countCalls({ caller: `arn:aws:sts::${ownerAccount}:assumed-role/keyhold/test`, keyId: key.keyId }),
  ).toBe(1)
  expect((await refusal(session.send(new DescribeKeyCommand({ KeyId: key.arn })))).name).toBe(
    'AccessDeniedException',
  )
  const direct = kms.client({ accessKeyId: strangerAccount })
  expect((await refusal(direct.send(encrypt))).name).toBe('AccessDeniedException')
})

test('an identity policy of the role counts where the key policy leaves it to the account', async () => {
  const key = await createKey(owner)
  const session = kms.client(await assume())
  const describe = new DescribeKeyCommand({ KeyId: key.arn })
  expect((await refusal(session.send(describe))).name).toBe('AccessDeniedException')
  const policy = { Statement: { Effect: 'Allow', Action: 'kms:DescribeKey', Resource: key.arn } }
  kms.roles.put({ arn: roleArn, trust: trust(withExternalId), policy })
  expect((await session.send(describe)).KeyMetadata?.Arn).toBe(key.arn)
})

test('a session outlives a change of the trust policy, and ends when it expires or its role is deleted', async () => {
  const key = await createKey(owner, { Policy: mayUse(roleArn) })
  const credentials = await assume()
  const session = kms.client(credentials)
  const encrypt = new EncryptCommand({ KeyId: key.arn, Plaintext: bytes('x') })
  kms.roles.put({ arn: roleArn, trust: trust({ StringEquals: { 'sts:ExternalId': 'changed' } }) })
  expect(await stsRefusal(assume())).toEqual(denied)
  now += 899_000
  await session.send(encrypt)
  now += 2_000
  expect((await refusal(session.send(encrypt))).name).toBe('ExpiredTokenException')
  expect(await stsRefusal(kms.stsClient(credentials).send(new GetCallerIdentityCommand({})))).toEqual({
    name: 'ExpiredToken',
    status: 403,
  })
  kms.roles.put({ arn: roleArn, trust: trust(withExternalId) })
  const another = kms.client(await assume())
  kms.roles.delete(roleArn)
  expect((await refusal(another.send(encrypt))).name).toBe('UnrecognizedClientException')
})

test('a role whose policy revokes older sessions ends them, and not the ones begun later', async () => {
  const key = await createKey(owner)
  const describe = new DescribeKeyCommand({ KeyId: key.arn })
  const policy = (issuedBeforeMs: number) => ({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Action: 'kms:*', Resource: '*' },
      {
        Effect: 'Deny',
        Action: '*',
        Resource: '*',
        Condition: { DateLessThan: { 'aws:TokenIssueTime': new Date(issuedBeforeMs).toISOString() } },
      },
    ],
  })
  kms.roles.put({ arn: roleArn, trust: trust(withExternalId), policy: policy(now) })
  const session = kms.client(await assume())
  await session.send(describe)
  now += 1_000
  kms.roles.put({ arn: roleArn, trust: trust(withExternalId), policy: policy(now) })
  expect((await refusal(session.send(describe))).message).toContain(
    'with an explicit deny in an identity-based policy',
  )
  await kms.client(await assume()).send(describe)
})

test('without its token, or with another one, a session is nobody', async () => {
  const { accessKeyId, secretAccessKey } = await assume()
  for (const sessionToken of [undefined, 'x']) {
    const client = kms.client({ accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) })
    expect((await refusal(client.send(new DescribeKeyCommand({ KeyId: 'x' })))).name).toBe(
      'UnrecognizedClientException',
    )
  }
})

test('roles are made and deleted over HTTP', async () => {
  const arn = `arn:aws:iam::${ownerAccount}:role/made-over-http`
  const path = `roles/${encodeURIComponent(arn)}`
  expect((await kms.control('PUT', path, { trust: trust() })).status).toBe(201)
  await assume({ RoleArn: arn })
  expect((await kms.control('DELETE', path)).status).toBe(204)
  expect((await kms.control('DELETE', path)).status).toBe(404)
  expect(await stsRefusal(assume({ RoleArn: arn }))).toEqual(denied)
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
  const answer = await kms.control('PUT', path, body)
  expect(answer.status).toBe(400)
  expect(((await answer.json()) as { error: string }).error).toContain(message)
})

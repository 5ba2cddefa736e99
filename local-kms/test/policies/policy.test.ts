// The effect of key policies and identity policies together, in one account and across two.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EncryptCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  ListKeysCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
} from '@aws-sdk/client-kms'
import { afterAll, describe, expect, test } from 'vitest'
import { bytes, createKey, ownerAccount, refusal, startKms, strangerAccount } from '../kms-under-test.ts'

const allow = (Action: string | string[], more: object = {}) => ({
  Effect: 'Allow',
  Action,
  Resource: '*',
  ...more,
})
const deny = (Action: string, more: object = {}) => ({ ...allow(Action, more), Effect: 'Deny' })
const by = (...AWS: string[]) => ({ Principal: { AWS } })
const when = (Condition: object) => ({ Condition })
const document = (...Statement: object[]) => ({ Version: '2012-10-17', Statement })

const role = (account: string, name: string) => `arn:aws:iam::${account}:role/${name}`
const root = (account: string) => `arn:aws:iam::${account}:root`

// name: [account, identity policy]
const principals: Record<string, [string, object?]> = {
  bare: [ownerAccount],
  reader: [ownerAccount, document(allow('kms:Decrypt'))],
  crypto: [ownerAccount, document(allow(['kms:*crypt', 'kms:ReEncrypt*']))],
  barred: [ownerAccount, document(allow('kms:*'), deny('kms:Encrypt'))],
  foreign: [strangerAccount, document(allow('kms:*'))],
  foreignBare: [strangerAccount],
  foreignBarred: [strangerAccount, document(allow('kms:*'), deny('kms:Encrypt'))],
  foreignElsewhere: [
    strangerAccount,
    document({ ...allow('kms:*'), Resource: `arn:aws:kms:*:${ownerAccount}:key/another` }),
  ],
}

const folder = mkdtempSync(join(tmpdir(), 'local-kms-policy-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})
const principalsFile = join(folder, 'principals.json')
writeFileSync(
  principalsFile,
  JSON.stringify(
    Object.entries(principals).map(([name, [account, policy]]) => ({
      accessKeyId: name,
      secretAccessKey: `secret of ${name}`,
      arn: role(account, name),
      policy,
    })),
  ),
)

const kms = await startKms({ principalsFile })
const admin = kms.client()
const clients: Record<string, KMSClient> = {
  admin,
  foreignAdmin: kms.client({ accessKeyId: strangerAccount }),
}
for (const name of Object.keys(principals)) {
  clients[name] = kms.client({ accessKeyId: name, secretAccessKey: `secret of ${name}` })
}

async function keyWith(...statements: object[]) {
  const Policy = JSON.stringify(document(...statements))
  return createKey(admin, { Policy, BypassPolicyLockoutSafetyCheck: true })
}

function clientOf(name: string): KMSClient {
  const client = clients[name]
  if (client === undefined) throw new Error(`no principal ${name}`)
  return client
}

async function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'allowed',
    async () => (await refusal(call)).name,
  )
}

const allowed = 'allowed'
const denied = 'AccessDeniedException'
const keyAccount = by(root(ownerAccount))

describe('Encrypt under a key whose policy', () => {
  const everyone = { Principal: '*' }
  test.each<[string, object[], Record<string, string>]>([
    [
      'enables the account leaves it to identity policies',
      [allow('kms:*', keyAccount)],
      { admin: allowed, crypto: allowed, bare: denied, reader: denied, barred: denied, foreign: denied },
    ],
    [
      'enables the account by its number does the same',
      [allow('kms:*', by(ownerAccount))],
      { admin: allowed, bare: denied },
    ],
    [
      'names a role gives it to the role, and not even to root',
      [allow('kms:Encrypt', by(role(ownerAccount, 'bare')))],
      { bare: allowed, admin: denied, crypto: denied },
    ],
    [
      'names a role cannot overrule a deny of the identity policy',
      [allow('kms:*', by(role(ownerAccount, 'barred')))],
      { barred: denied },
    ],
    [
      'allows another action only',
      [allow('kms:Decrypt', by(role(ownerAccount, 'bare')))],
      { bare: denied, admin: denied },
    ],
    [
      'denies somebody denies what it allows too',
      [
        allow('kms:*', by(role(ownerAccount, 'bare'), role(ownerAccount, 'reader'))),
        deny('kms:Encrypt', by(role(ownerAccount, 'bare'))),
      ],
      { bare: denied, reader: allowed },
    ],
    [
      'denies the account denies everybody in it',
      [allow('kms:*', by(role(ownerAccount, 'bare'))), deny('kms:Encrypt', keyAccount)],
      { bare: denied },
    ],
    [
      'allows everybody still needs the identity policy of another account',
      [allow('kms:*', everyone)],
      { bare: allowed, admin: allowed, foreign: allowed, foreignBare: denied },
    ],
    [
      'names another account needs both sides',
      [allow('kms:*', by(root(strangerAccount)))],
      {
        foreign: allowed,
        foreignAdmin: allowed,
        foreignBare: denied,
        foreignBarred: denied,
        foreignElsewhere: denied,
        admin: denied,
      },
    ],
    [
      'names a role of another account needs both sides',
      [allow('kms:*', by(role(strangerAccount, 'foreign'), role(strangerAccount, 'foreignBare')))],
      { foreign: allowed, foreignBare: denied, foreignAdmin: denied },
    ],
    [
      'exempts somebody from a deny',
      [
        allow('kms:*', by(ownerAccount, role(ownerAccount, 'bare'), role(ownerAccount, 'reader'))),
        { ...deny('kms:Encrypt'), NotPrincipal: { AWS: role(ownerAccount, 'bare') } },
      ],
      { bare: allowed, reader: denied, admin: denied },
    ],
    [
      'uses NotAction',
      [{ Effect: 'Allow', NotAction: 'kms:Decrypt', Resource: '*', ...by(role(ownerAccount, 'bare')) }],
      { bare: allowed },
    ],
    [
      'concerns another resource',
      [{ ...allow('kms:*', keyAccount), Resource: `arn:aws:kms:*:${ownerAccount}:key/another` }],
      { admin: denied },
    ],
    [
      'concerns the keys of the account',
      [{ ...allow('kms:*', keyAccount), Resource: `arn:aws:kms:*:${ownerAccount}:key/*` }],
      { admin: allowed },
    ],
    ['uses wildcards in actions of any case', [allow('KMS:en?rypt*', keyAccount)], { admin: allowed }],
    [
      'names an AWS service',
      [allow('kms:*', { Principal: { Service: 's3.amazonaws.com' } })],
      { admin: denied },
    ],
  ])('%s', async (_, statements, expected) => {
    const { arn } = await keyWith(...statements)
    const actual: Record<string, string> = {}
    for (const name of Object.keys(expected)) {
      const call = clientOf(name).send(new EncryptCommand({ KeyId: arn, Plaintext: bytes('x') }))
      actual[name] = await outcome(call)
    }
    expect(actual).toStrictEqual(expected)
  })
})

describe('a condition', () => {
  const context = { tenantId: 'a', purpose: 'p' }
  const contextKeys = 'kms:EncryptionContextKeys'
  test.each<[object, string]>([
    [{ StringEquals: { 'kms:EncryptionContext:tenantId': 'a' } }, allowed],
    [{ StringEquals: { 'kms:EncryptionContext:tenantId': 'b' } }, denied],
    [{ StringEquals: { 'kms:EncryptionContext:tenantId': 'A' } }, denied],
    [{ StringEquals: { 'kms:EncryptionContext:TENANTID': 'a' } }, allowed],
    [{ StringEquals: { 'kms:EncryptionContext:tenantId': ['b', 'a'] } }, allowed],
    [{ StringEquals: { 'kms:EncryptionContext:absent': 'a' } }, denied],
    [{ StringEqualsIfExists: { 'kms:EncryptionContext:absent': 'a' } }, allowed],
    [
      { StringEquals: { 'kms:EncryptionContext:tenantId': 'a', 'kms:EncryptionContext:purpose': 'q' } },
      denied,
    ],
    [{ StringNotEquals: { 'kms:EncryptionContext:tenantId': 'a' } }, denied],
    [{ StringNotEquals: { 'kms:EncryptionContext:absent': 'a' } }, allowed],
    [{ StringEqualsIgnoreCase: { 'kms:EncryptionContext:tenantId': 'A' } }, allowed],
    [{ StringLike: { 'kms:EncryptionContext:purpose': '?*' } }, allowed],
    [{ StringNotLike: { 'kms:EncryptionContext:purpose': 'p*' } }, denied],
    [{ 'ForAnyValue:StringEquals': { [contextKeys]: 'tenantId' } }, allowed],
    [{ 'ForAnyValue:StringEquals': { [contextKeys]: 'TENANTID' } }, denied],
    [{ 'ForAllValues:StringEquals': { [contextKeys]: ['tenantId', 'purpose', 'more'] } }, allowed],
    [{ 'ForAllValues:StringEquals': { [contextKeys]: 'tenantId' } }, denied],
    [{ StringEquals: { [contextKeys]: 'tenantId' } }, denied],
    [{ Null: { 'kms:EncryptionContext:tenantId': 'false' } }, allowed],
    [{ Null: { 'kms:EncryptionContext:tenantId': true } }, denied],
    [{ Null: { 'kms:ViaService': 'true', 'aws:SourceAccount': 'true' } }, allowed],
    [{ StringEquals: { 'kms:CallerAccount': ownerAccount } }, allowed],
    [{ StringEquals: { 'kms:CallerAccount': strangerAccount } }, denied],
    [{ StringEquals: { 'kms:ViaService': 's3.eu-west-1.amazonaws.com' } }, denied],
    [{ Bool: { 'kms:MultiRegion': 'false' } }, allowed],
    [{ Bool: { 'kms:MultiRegion': 'true' } }, denied],
    [{ StringEquals: { 'aws:PrincipalAccount': ownerAccount } }, allowed],
    [{ ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${ownerAccount}:*` } }, allowed],
    [{ ArnEquals: { 'aws:PrincipalArn': role(ownerAccount, '*') } }, denied],
    [{ StringEquals: { 'aws:PrincipalOrgID': 'o-unheard-of' } }, denied],
    [{ StringNotEquals: { 'aws:PrincipalOrgID': 'o-unheard-of' } }, allowed],
  ])('%j: %s', async (condition, expected) => {
    const { arn } = await keyWith(allow('kms:*', { ...keyAccount, ...when(condition) }))
    const input = { KeyId: arn, Plaintext: bytes('x'), EncryptionContext: context }
    expect(await outcome(admin.send(new EncryptCommand(input)))).toBe(expected)
  })

  test.each<[string, object, string]>([
    ['equals', { StringEquals: { 'aws:PrincipalOrgID': 'o-1' } }, allowed],
    ['is like', { ArnLike: { 'aws:SourceArn': 'arn:aws:*' } }, allowed],
    ['does not equal', { StringNotEquals: { 'aws:SourceVpce': 'vpce-1' } }, denied],
  ])('on an absent key that %s something, in a Deny: %s', async (_, condition, expected) => {
    const { arn } = await keyWith(
      allow('kms:*', keyAccount),
      deny('kms:Encrypt', { ...keyAccount, ...when(condition) }),
    )
    const call = admin.send(new EncryptCommand({ KeyId: arn, Plaintext: bytes('x') }))
    expect(await outcome(call)).toBe(expected)
  })

  test('on a pair that occurs twice, in different case, is not met', async () => {
    const condition = when({ StringEquals: { 'kms:EncryptionContext:tenantId': 'a' } })
    const { arn } = await keyWith(allow('kms:*', { ...keyAccount, ...condition }))
    const EncryptionContext = { tenantId: 'a', TENANTID: 'b' }
    const call = admin.send(new EncryptCommand({ KeyId: arn, Plaintext: bytes('x'), EncryptionContext }))
    expect(await outcome(call)).toBe(denied)
  })

  test('binds a platform to one tenant, in both directions, and does not concern DescribeKey', async () => {
    const tenant = when({ StringEquals: { 'kms:EncryptionContext:tenantId': 'a' } })
    const { arn } = await keyWith(
      allow('kms:*', keyAccount),
      allow(['kms:Encrypt', 'kms:Decrypt'], { ...by(strangerAccount), ...tenant }),
    )
    const platform = clientOf('foreign')
    const sealed = await platform.send(
      new EncryptCommand({ KeyId: arn, Plaintext: bytes('x'), EncryptionContext: { tenantId: 'a' } }),
    )
    const decrypt = (tenantId: string) =>
      platform.send(
        new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: { tenantId } }),
      )
    expect(await outcome(decrypt('a'))).toBe(allowed)
    expect(await outcome(decrypt('b'))).toBe(denied)
    expect(await outcome(platform.send(new DescribeKeyCommand({ KeyId: arn })))).toBe(denied)
    expect(await outcome(admin.send(new DescribeKeyCommand({ KeyId: arn })))).toBe(allowed)
  })
})

describe('across accounts', () => {
  test('nobody manages a key of another account, even if its policy allows it', async () => {
    const { arn } = await keyWith(allow('kms:*', { Principal: '*' }))
    const foreign = clientOf('foreign')
    expect(await outcome(foreign.send(new DescribeKeyCommand({ KeyId: arn })))).toBe(allowed)
    const Policy = JSON.stringify(document(allow('kms:*', by(strangerAccount))))
    for (const call of [
      foreign.send(new DisableKeyCommand({ KeyId: arn })),
      foreign.send(new GetKeyPolicyCommand({ KeyId: arn })),
      foreign.send(new PutKeyPolicyCommand({ KeyId: arn, Policy })),
    ]) {
      expect(await outcome(call)).toBe(denied)
    }
  })

  test('a missing key looks like a forbidden one', async () => {
    const KeyId = `arn:aws:kms:eu-west-1:${ownerAccount}:key/00000000-0000-4000-8000-000000000000`
    expect(await outcome(clientOf('foreign').send(new DescribeKeyCommand({ KeyId })))).toBe(denied)
  })

  test('a key id without an account names a key of the caller’s account', async () => {
    const { keyId } = await keyWith(allow('kms:*', { Principal: '*' }))
    expect(await outcome(clientOf('foreign').send(new DescribeKeyCommand({ KeyId: keyId })))).toBe(
      'NotFoundException',
    )
  })
})

test('ReEncrypt needs ReEncryptFrom on one key and ReEncryptTo on the other', async () => {
  const from = await keyWith(allow(['kms:Encrypt', 'kms:ReEncryptFrom'], keyAccount))
  const to = await keyWith(allow('kms:ReEncryptTo', keyAccount))
  const { CiphertextBlob } = await admin.send(new EncryptCommand({ KeyId: from.arn, Plaintext: bytes('x') }))
  const move = (DestinationKeyId: string) =>
    admin.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId }))
  expect(await outcome(move(to.arn))).toBe(allowed)
  expect(await outcome(move(from.arn))).toBe(denied)
})

test('identity policies alone decide about an operation that concerns no key', async () => {
  expect(await outcome(clientOf('barred').send(new ListKeysCommand({})))).toBe(allowed)
  expect(await refusal(clientOf('reader').send(new ListKeysCommand({})))).toStrictEqual({
    name: denied,
    message: `User: ${role(ownerAccount, 'reader')} is not authorized to perform: kms:ListKeys on resource: * because no identity-based policy allows the kms:ListKeys action`,
    status: 400,
  })
})

test('a refusal says which policy refused', async () => {
  const encrypt = (name: string, KeyId: string) =>
    clientOf(name).send(new EncryptCommand({ KeyId, Plaintext: bytes('x') }))
  const { arn } = await keyWith(
    allow('kms:*', keyAccount),
    allow('kms:*', by(strangerAccount)),
    deny('kms:Encrypt', by(role(ownerAccount, 'crypto'))),
  )
  const said = async (name: string) => (await refusal(encrypt(name, arn))).message
  const opening = (name: string, account = ownerAccount) =>
    `User: ${role(account, name)} is not authorized to perform: kms:Encrypt on resource: ${arn}`
  expect(await said('bare')).toBe(
    `${opening('bare')} because no identity-based policy allows the kms:Encrypt action`,
  )
  expect(await said('barred')).toBe(`${opening('barred')} with an explicit deny in an identity-based policy`)
  expect(await said('crypto')).toBe(`${opening('crypto')} with an explicit deny in a resource-based policy`)
  const closed = await keyWith(allow('kms:Decrypt', keyAccount))
  expect((await refusal(encrypt('admin', closed.arn))).message).toBe(
    `User: ${root(ownerAccount)} is not authorized to perform: kms:Encrypt on resource: ${closed.arn} because no resource-based policy allows the kms:Encrypt action`,
  )
})

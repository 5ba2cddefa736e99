// Who may do what: key policies and identity policies together, in one account and across two.
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
import { bytes, createKey, OWNER, refusal, startKms, STRANGER } from './kms-under-test.ts'

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
const PRINCIPALS: Record<string, [string, object?]> = {
  bare: [OWNER],
  reader: [OWNER, document(allow('kms:Decrypt'))],
  crypto: [OWNER, document(allow(['kms:*crypt', 'kms:ReEncrypt*']))],
  barred: [OWNER, document(allow('kms:*'), deny('kms:Encrypt'))],
  foreign: [STRANGER, document(allow('kms:*'))],
  foreignBare: [STRANGER],
  foreignBarred: [STRANGER, document(allow('kms:*'), deny('kms:Encrypt'))],
  foreignElsewhere: [
    STRANGER,
    document({ ...allow('kms:*'), Resource: `arn:aws:kms:*:${OWNER}:key/another` }),
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
    Object.entries(PRINCIPALS).map(([name, [account, policy]]) => ({
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
  foreignAdmin: kms.client({ accessKeyId: STRANGER }),
}
for (const name of Object.keys(PRINCIPALS)) {
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

const ALLOWED = 'allowed'
const DENIED = 'AccessDeniedException'
const KEY_ACCOUNT = by(root(OWNER))

describe('Encrypt under a key whose policy', () => {
  const everyone = { Principal: '*' }
  test.each<[string, object[], Record<string, string>]>([
    [
      'enables the account leaves it to identity policies',
      [allow('kms:*', KEY_ACCOUNT)],
      { admin: ALLOWED, crypto: ALLOWED, bare: DENIED, reader: DENIED, barred: DENIED, foreign: DENIED },
    ],
    [
      'enables the account by its number does the same',
      [allow('kms:*', by(OWNER))],
      { admin: ALLOWED, bare: DENIED },
    ],
    [
      'names a role gives it to the role, and not even to root',
      [allow('kms:Encrypt', by(role(OWNER, 'bare')))],
      { bare: ALLOWED, admin: DENIED, crypto: DENIED },
    ],
    [
      'names a role cannot overrule a deny of the identity policy',
      [allow('kms:*', by(role(OWNER, 'barred')))],
      { barred: DENIED },
    ],
    [
      'allows another action only',
      [allow('kms:Decrypt', by(role(OWNER, 'bare')))],
      { bare: DENIED, admin: DENIED },
    ],
    [
      'denies somebody denies what it allows too',
      [
        allow('kms:*', by(role(OWNER, 'bare'), role(OWNER, 'reader'))),
        deny('kms:Encrypt', by(role(OWNER, 'bare'))),
      ],
      { bare: DENIED, reader: ALLOWED },
    ],
    [
      'denies the account denies everybody in it',
      [allow('kms:*', by(role(OWNER, 'bare'))), deny('kms:Encrypt', KEY_ACCOUNT)],
      { bare: DENIED },
    ],
    [
      'allows everybody still needs the identity policy of another account',
      [allow('kms:*', everyone)],
      { bare: ALLOWED, admin: ALLOWED, foreign: ALLOWED, foreignBare: DENIED },
    ],
    [
      'names another account needs both sides',
      [allow('kms:*', by(root(STRANGER)))],
      {
        foreign: ALLOWED,
        foreignAdmin: ALLOWED,
        foreignBare: DENIED,
        foreignBarred: DENIED,
        foreignElsewhere: DENIED,
        admin: DENIED,
      },
    ],
    [
      'names a role of another account needs both sides',
      [allow('kms:*', by(role(STRANGER, 'foreign'), role(STRANGER, 'foreignBare')))],
      { foreign: ALLOWED, foreignBare: DENIED, foreignAdmin: DENIED },
    ],
    [
      'excepts somebody from a deny',
      [
        allow('kms:*', by(OWNER, role(OWNER, 'bare'), role(OWNER, 'reader'))),
        { ...deny('kms:Encrypt'), NotPrincipal: { AWS: role(OWNER, 'bare') } },
      ],
      { bare: ALLOWED, reader: DENIED, admin: DENIED },
    ],
    [
      'uses NotAction',
      [{ Effect: 'Allow', NotAction: 'kms:Decrypt', Resource: '*', ...by(role(OWNER, 'bare')) }],
      { bare: ALLOWED },
    ],
    [
      'concerns another resource',
      [{ ...allow('kms:*', KEY_ACCOUNT), Resource: `arn:aws:kms:*:${OWNER}:key/another` }],
      { admin: DENIED },
    ],
    [
      'concerns the keys of the account',
      [{ ...allow('kms:*', KEY_ACCOUNT), Resource: `arn:aws:kms:*:${OWNER}:key/*` }],
      { admin: ALLOWED },
    ],
    ['uses wildcards in actions of any case', [allow('KMS:en?rypt*', KEY_ACCOUNT)], { admin: ALLOWED }],
    [
      'names an AWS service',
      [allow('kms:*', { Principal: { Service: 's3.amazonaws.com' } })],
      { admin: DENIED },
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
  const CONTEXT = { tenantId: 'a', purpose: 'p' }
  const KEYS = 'kms:EncryptionContextKeys'
  test.each<[object, string]>([
    [{ StringEquals: { 'kms:EncryptionContext:tenantId': 'a' } }, ALLOWED],
    [{ StringEquals: { 'kms:EncryptionContext:tenantId': 'b' } }, DENIED],
    [{ StringEquals: { 'kms:EncryptionContext:tenantId': 'A' } }, DENIED],
    [{ StringEquals: { 'kms:EncryptionContext:TENANTID': 'a' } }, ALLOWED],
    [{ StringEquals: { 'kms:EncryptionContext:tenantId': ['b', 'a'] } }, ALLOWED],
    [{ StringEquals: { 'kms:EncryptionContext:absent': 'a' } }, DENIED],
    [{ StringEqualsIfExists: { 'kms:EncryptionContext:absent': 'a' } }, ALLOWED],
    [
      { StringEquals: { 'kms:EncryptionContext:tenantId': 'a', 'kms:EncryptionContext:purpose': 'q' } },
      DENIED,
    ],
    [{ StringNotEquals: { 'kms:EncryptionContext:tenantId': 'a' } }, DENIED],
    [{ StringNotEquals: { 'kms:EncryptionContext:absent': 'a' } }, ALLOWED],
    [{ StringEqualsIgnoreCase: { 'kms:EncryptionContext:tenantId': 'A' } }, ALLOWED],
    [{ StringLike: { 'kms:EncryptionContext:purpose': '?*' } }, ALLOWED],
    [{ StringNotLike: { 'kms:EncryptionContext:purpose': 'p*' } }, DENIED],
    [{ 'ForAnyValue:StringEquals': { [KEYS]: 'tenantId' } }, ALLOWED],
    [{ 'ForAnyValue:StringEquals': { [KEYS]: 'TENANTID' } }, DENIED],
    [{ 'ForAllValues:StringEquals': { [KEYS]: ['tenantId', 'purpose', 'more'] } }, ALLOWED],
    [{ 'ForAllValues:StringEquals': { [KEYS]: 'tenantId' } }, DENIED],
    [{ StringEquals: { [KEYS]: 'tenantId' } }, DENIED],
    [{ Null: { 'kms:EncryptionContext:tenantId': 'false' } }, ALLOWED],
    [{ Null: { 'kms:EncryptionContext:tenantId': true } }, DENIED],
    [{ Null: { 'kms:ViaService': 'true', 'aws:SourceAccount': 'true' } }, ALLOWED],
    [{ StringEquals: { 'kms:CallerAccount': OWNER } }, ALLOWED],
    [{ StringEquals: { 'kms:CallerAccount': STRANGER } }, DENIED],
    [{ StringEquals: { 'kms:ViaService': 's3.eu-west-1.amazonaws.com' } }, DENIED],
    [{ Bool: { 'kms:MultiRegion': 'false' } }, ALLOWED],
    [{ Bool: { 'kms:MultiRegion': 'true' } }, DENIED],
    [{ StringEquals: { 'aws:PrincipalAccount': OWNER } }, ALLOWED],
    [{ ArnLike: { 'aws:PrincipalArn': `arn:aws:iam::${OWNER}:*` } }, ALLOWED],
    [{ ArnEquals: { 'aws:PrincipalArn': role(OWNER, '*') } }, DENIED],
    [{ StringEquals: { 'aws:PrincipalOrgID': 'o-unheard-of' } }, DENIED],
    [{ StringNotEquals: { 'aws:PrincipalOrgID': 'o-unheard-of' } }, DENIED],
  ])('%j: %s', async (condition, expected) => {
    const { arn } = await keyWith(allow('kms:*', { ...KEY_ACCOUNT, ...when(condition) }))
    const input = { KeyId: arn, Plaintext: bytes('x'), EncryptionContext: CONTEXT }
    expect(await outcome(admin.send(new EncryptCommand(input)))).toBe(expected)
  })

  test('that local-kms cannot judge denies where it stands in a Deny', async () => {
    const unheardOf = when({ StringEquals: { 'aws:PrincipalOrgID': 'o-1' } })
    const { arn } = await keyWith(
      allow('kms:*', KEY_ACCOUNT),
      deny('kms:Encrypt', { ...KEY_ACCOUNT, ...unheardOf }),
    )
    expect(await outcome(admin.send(new EncryptCommand({ KeyId: arn, Plaintext: bytes('x') })))).toBe(DENIED)
  })

  test('on a pair that comes twice in different case is not met', async () => {
    const condition = when({ StringEquals: { 'kms:EncryptionContext:tenantId': 'a' } })
    const { arn } = await keyWith(allow('kms:*', { ...KEY_ACCOUNT, ...condition }))
    const EncryptionContext = { tenantId: 'a', TENANTID: 'b' }
    const call = admin.send(new EncryptCommand({ KeyId: arn, Plaintext: bytes('x'), EncryptionContext }))
    expect(await outcome(call)).toBe(DENIED)
  })

  test('binds a platform to one tenant, in both directions, and does not concern DescribeKey', async () => {
    const tenant = when({ StringEquals: { 'kms:EncryptionContext:tenantId': 'a' } })
    const { arn } = await keyWith(
      allow('kms:*', KEY_ACCOUNT),
      allow(['kms:Encrypt', 'kms:Decrypt'], { ...by(STRANGER), ...tenant }),
    )
    const platform = clientOf('foreign')
    const sealed = await platform.send(
      new EncryptCommand({ KeyId: arn, Plaintext: bytes('x'), EncryptionContext: { tenantId: 'a' } }),
    )
    const decrypt = (tenantId: string) =>
      platform.send(
        new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: { tenantId } }),
      )
    expect(await outcome(decrypt('a'))).toBe(ALLOWED)
    expect(await outcome(decrypt('b'))).toBe(DENIED)
    expect(await outcome(platform.send(new DescribeKeyCommand({ KeyId: arn })))).toBe(DENIED)
    expect(await outcome(admin.send(new DescribeKeyCommand({ KeyId: arn })))).toBe(ALLOWED)
  })
})

describe('across accounts', () => {
  test('nobody manages a key of another account, whatever its policy says', async () => {
    const { arn } = await keyWith(allow('kms:*', { Principal: '*' }))
    const foreign = clientOf('foreign')
    expect(await outcome(foreign.send(new DescribeKeyCommand({ KeyId: arn })))).toBe(ALLOWED)
    const Policy = JSON.stringify(document(allow('kms:*', by(STRANGER))))
    for (const call of [
      foreign.send(new DisableKeyCommand({ KeyId: arn })),
      foreign.send(new GetKeyPolicyCommand({ KeyId: arn })),
      foreign.send(new PutKeyPolicyCommand({ KeyId: arn, Policy })),
    ]) {
      expect(await outcome(call)).toBe(DENIED)
    }
  })

  test('a key that is not there looks like one that is forbidden', async () => {
    const KeyId = `arn:aws:kms:eu-west-1:${OWNER}:key/00000000-0000-4000-8000-000000000000`
    expect(await outcome(clientOf('foreign').send(new DescribeKeyCommand({ KeyId })))).toBe(DENIED)
  })

  test('a key id without an account is one of the caller’s own', async () => {
    const { keyId } = await keyWith(allow('kms:*', { Principal: '*' }))
    expect(await outcome(clientOf('foreign').send(new DescribeKeyCommand({ KeyId: keyId })))).toBe(
      'NotFoundException',
    )
  })
})

test('ReEncrypt needs ReEncryptFrom on one key and ReEncryptTo on the other', async () => {
  const from = await keyWith(allow(['kms:Encrypt', 'kms:ReEncryptFrom'], KEY_ACCOUNT))
  const to = await keyWith(allow('kms:ReEncryptTo', KEY_ACCOUNT))
  const { CiphertextBlob } = await admin.send(new EncryptCommand({ KeyId: from.arn, Plaintext: bytes('x') }))
  const move = (DestinationKeyId: string) =>
    admin.send(new ReEncryptCommand({ CiphertextBlob, DestinationKeyId }))
  expect(await outcome(move(to.arn))).toBe(ALLOWED)
  expect(await outcome(move(from.arn))).toBe(DENIED)
})

test('what concerns no key is a matter of identity policies', async () => {
  expect(await outcome(clientOf('barred').send(new ListKeysCommand({})))).toBe(ALLOWED)
  expect(await refusal(clientOf('reader').send(new ListKeysCommand({})))).toStrictEqual({
    name: DENIED,
    message: `User: ${role(OWNER, 'reader')} is not authorized to perform: kms:ListKeys on resource: * because no identity-based policy allows the kms:ListKeys action`,
    status: 400,
  })
})

test('a refusal says which side refused', async () => {
  const encrypt = (name: string, KeyId: string) =>
    clientOf(name).send(new EncryptCommand({ KeyId, Plaintext: bytes('x') }))
  const { arn } = await keyWith(
    allow('kms:*', KEY_ACCOUNT),
    allow('kms:*', by(STRANGER)),
    deny('kms:Encrypt', by(role(OWNER, 'crypto'))),
  )
  const said = async (name: string) => (await refusal(encrypt(name, arn))).message
  const opening = (name: string, account = OWNER) =>
    `User: ${role(account, name)} is not authorized to perform: kms:Encrypt on resource: ${arn}`
  expect(await said('bare')).toBe(
    `${opening('bare')} because no identity-based policy allows the kms:Encrypt action`,
  )
  expect(await said('barred')).toBe(`${opening('barred')} with an explicit deny in an identity-based policy`)
  expect(await said('crypto')).toBe(`${opening('crypto')} with an explicit deny in a resource-based policy`)
  const closed = await keyWith(allow('kms:Decrypt', KEY_ACCOUNT))
  expect((await refusal(encrypt('admin', closed.arn))).message).toBe(
    `User: ${root(OWNER)} is not authorized to perform: kms:Encrypt on resource: ${closed.arn} because no resource-based policy allows the kms:Encrypt action`,
  )
})

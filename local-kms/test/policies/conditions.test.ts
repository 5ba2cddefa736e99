// Conditions on addresses, dates and numbers, and policy variables.
import {
  CreateAliasCommand,
  EncryptCommand,
  PutKeyPolicyCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
} from '@aws-sdk/client-kms'
import { describe, expect, test } from 'vitest'
import { bytes, createKey, ownerAccount, refusal } from '../kms-under-test.ts'
import { allow, by, deny, document, startKmsWith } from '../principals-under-test.ts'

const alice = `arn:aws:iam::${ownerAccount}:user/team/alice`
let now = Date.parse('2026-06-15T12:00:00Z')
const { kms, clientOf } = await startKmsWith({ ALICE: { arn: alice } }, { now: () => now })
const admin = kms.client()
const key = await createKey(admin)
const encrypt = (EncryptionContext: Record<string, string> = {}) =>
  clientOf('ALICE').send(new EncryptCommand({ KeyId: key.arn, Plaintext: bytes('x'), EncryptionContext }))

async function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'allowed',
    async () => (await refusal(call)).name,
  )
}
const allowed = 'allowed'
const denied = 'AccessDeniedException'

async function under(...statements: object[]) {
  const Policy = JSON.stringify(document(allow('kms:*', by(ownerAccount)), ...statements))
  await admin.send(new PutKeyPolicyCommand({ KeyId: key.keyId, Policy }))
}
const when = (Condition: object) => allow('kms:Encrypt', { ...by(alice), Condition })

test.each<[object, string]>([
  [{ IpAddress: { 'aws:SourceIp': '127.0.0.1' } }, allowed],
  [{ IpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '127.0.0.0/8'] } }, allowed],
  [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, denied],
  [{ IpAddress: { 'aws:SourceIp': '::/0' } }, denied],
  [{ NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, allowed],
  [{ NotIpAddress: { 'aws:SourceIp': '127.0.0.1/32' } }, denied],
  [{ DateGreaterThan: { 'aws:CurrentTime': '2026-06-15T11:59:59Z' } }, allowed],
  [{ DateLessThan: { 'aws:CurrentTime': '2026-06-15T12:00:00Z' } }, denied],
  [{ DateLessThanEquals: { 'aws:CurrentTime': '2026-06-15T12:00:00Z' } }, allowed],
  [{ DateEquals: { 'aws:CurrentTime': 1_781_524_800 } }, allowed],
  [{ DateNotEquals: { 'aws:EpochTime': '2026-06-15T12:00:00Z' } }, denied],
  [{ NumericLessThan: { 'aws:EpochTime': 1_781_524_801 } }, allowed],
  [{ NumericEquals: { 'kms:RotationPeriodInDays': '90' } }, denied],
  [{ NumericLessThanIfExists: { 'kms:RotationPeriodInDays': '90' } }, allowed],
])('%j: %s', async (condition, expected) => {
  now = Date.parse('2026-06-15T12:00:00Z')
  await under(when(condition))
  expect(await outcome(encrypt())).toBe(expected)
})

test('an address is the one that tests give a principal', async () => {
  await under(when({ IpAddress: { 'aws:SourceIp': '2001:db8::/32' } }))
  kms.guardrails.put(alice, { conditionKeys: { 'aws:SourceIp': '2001:db8::7' } })
  expect(await outcome(encrypt())).toBe(allowed)
  kms.guardrails.delete(alice)
  expect(await outcome(encrypt())).toBe(denied)
})

test('a number of the request limits an administrator', async () => {
  const condition = { NumericLessThan: { 'kms:ScheduleKeyDeletionPendingWindowInDays': '14' } }
  const Policy = JSON.stringify(
    document(
      allow('kms:*', by(ownerAccount)),
      deny('kms:ScheduleKeyDeletion', { Principal: '*', Condition: condition }),
    ),
  )
  const { keyId } = await createKey(admin, { Policy })
  const schedule = (PendingWindowInDays: number) =>
    outcome(admin.send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays })))
  expect([await schedule(7), await schedule(14)]).toStrictEqual([denied, allowed])
})

describe('a policy variable', () => {
  const inContext = (value: string) => when({ StringEquals: { 'kms:EncryptionContext:user': value } })

  test.each<[string, Record<string, string>, string]>([
    ['${aws:username}', { user: 'alice' }, allowed],
    ['${aws:username}', { user: 'bob' }, denied],
    ['${AWS:UserName}', { user: 'alice' }, allowed],
    ['user-${aws:username}-${aws:PrincipalAccount}', { user: `user-alice-${ownerAccount}` }, allowed],
    ['${aws:PrincipalTag/team}', { user: '' }, denied],
    ["${aws:PrincipalTag/team, 'nobody'}", { user: 'nobody' }, allowed],
    ['${$}{aws:username}', { user: '${aws:username}' }, allowed],
  ])('%s with the context %j: %s', async (value, context, expected) => {
    await under(inContext(value))
    expect(await outcome(encrypt(context))).toBe(expected)
  })

  test('brings in no wildcards, and neither does an escaped one', async () => {
    const like = (value: string) => when({ StringLike: { 'kms:EncryptionContext:user': value } })
    kms.guardrails.put(alice, { conditionKeys: { 'aws:PrincipalTag/team': '*' } })
    await under(like('${aws:PrincipalTag/team}'))
    expect([await outcome(encrypt({ user: 'any' })), await outcome(encrypt({ user: '*' }))]).toStrictEqual([
      denied,
      allowed,
    ])
    kms.guardrails.delete(alice)
    await under(like('${*}${?}*'))
    expect([await outcome(encrypt({ user: 'ab' })), await outcome(encrypt({ user: '*?b' }))]).toStrictEqual([
      denied,
      allowed,
    ])
  })

  test('without a value makes a Deny deny nothing', async () => {
    const Condition = { StringEquals: { 'kms:EncryptionContext:team': '${aws:PrincipalTag/team}' } }
    await under(allow('kms:Encrypt', by(alice)), deny('kms:Encrypt', { ...by(alice), Condition }))
    expect(await outcome(encrypt({ team: '' }))).toBe(allowed)
    kms.guardrails.put(alice, { conditionKeys: { 'aws:PrincipalTag/team': 'red' } })
    expect([await outcome(encrypt({ team: 'red' })), await outcome(encrypt({ team: 'blue' }))]).toStrictEqual(
      [denied, allowed],
    )
    kms.guardrails.delete(alice)
  })

  test('in a resource is resolved', async () => {
    const Resource = 'arn:aws:kms:*:${aws:PrincipalAccount}:key/*'
    await under({ ...allow('kms:Encrypt', by(alice)), Resource })
    expect(await outcome(encrypt())).toBe(allowed)
  })

  test('is a text like others in the older version of policies', async () => {
    const Policy = JSON.stringify({
      Version: '2008-10-17',
      Statement: [allow('kms:*', by(ownerAccount)), inContext('${aws:username}')],
    })
    await admin.send(new PutKeyPolicyCommand({ KeyId: key.keyId, Policy }))
    expect(await outcome(encrypt({ user: '${aws:username}' }))).toBe(allowed)
    expect(await outcome(encrypt({ user: 'alice' }))).toBe(denied)
  })
})

test('tags and aliases of the key are facts', async () => {
  await admin.send(
    new TagResourceCommand({ KeyId: key.keyId, Tags: [{ TagKey: 'Stage', TagValue: 'live' }] }),
  )
  await under(when({ StringEquals: { 'aws:ResourceTag/Stage': 'live' } }))
  expect(await outcome(encrypt())).toBe(allowed)
  await admin.send(new CreateAliasCommand({ AliasName: 'alias/mine', TargetKeyId: key.keyId }))
  await under(when({ 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': 'alias/mine' } }))
  expect(await outcome(encrypt())).toBe(allowed)
  await under(when({ StringEquals: { 'kms:ResourceAliases': 'alias/none' } }))
  expect(await outcome(encrypt())).toBe(denied)
})

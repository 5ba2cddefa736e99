// CreateGrant: what it refuses, and what conditions on it ask for.
import {
  CreateGrantCommand,
  type CreateGrantCommandInput,
  DisableKeyCommand,
  type GrantOperation,
  ListGrantsCommand,
  RevokeGrantCommand,
} from '@aws-sdk/client-kms'
import { describe, expect, test } from 'vitest'
import { createKey, ownerAccount, refusal, strangerAccount } from '../kms-under-test.ts'
import { allow, by, deny, document, roleArn, startKmsWith } from '../principals-under-test.ts'

const grantee = roleArn(strangerAccount, 'grantee')
const retirer = roleArn(ownerAccount, 'retirer')
const { kms, clientOf } = await startKmsWith({
  GRANTEE: { arn: grantee },
  OTHER: { arn: roleArn(strangerAccount, 'other') },
  BARRED: { arn: roleArn(strangerAccount, 'barred'), policy: document(deny('kms:Encrypt')) },
  RETIRER: { arn: retirer },
  DELEGATE: { arn: roleArn(strangerAccount, 'delegate') },
  ISSUER: { arn: roleArn(strangerAccount, 'issuer'), policy: document(allow('kms:*')) },
})
const admin = kms.client()
const key = await createKey(admin)

async function grant(input: Partial<CreateGrantCommandInput> = {}, client = admin) {
  const Operations: GrantOperation[] = ['Encrypt', 'Decrypt']
  const command = new CreateGrantCommand({ KeyId: key.arn, GranteePrincipal: grantee, Operations, ...input })
  const { GrantId = '', GrantToken = '' } = await client.send(command)
  return { GrantId, GrantToken }
}

const revoke = (GrantId: string, KeyId = key.arn) => admin.send(new RevokeGrantCommand({ KeyId, GrantId }))

async function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'allowed',
    async () => (await refusal(call)).name,
  )
}
const denied = 'AccessDeniedException'

const nine = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`pair${index}`, 'x']))

describe('CreateGrant', () => {
  const delegate = roleArn(strangerAccount, 'delegate')

  test('by a grant hands on no more operations and no fewer constraints', async () => {
    const Constraints = { EncryptionContextSubset: { tenantId: 'a' } }
    await grant({ GranteePrincipal: delegate, Operations: ['CreateGrant', 'Encrypt'], Constraints })
    const client = clientOf('DELEGATE')
    const handOn = (input: Partial<CreateGrantCommandInput>) =>
      outcome(grant({ Operations: ['Encrypt'], Constraints, ...input }, client))
    expect(await handOn({})).toBe('allowed')
    expect(await handOn({ Constraints: { EncryptionContextEquals: { tenantId: 'a', more: 'b' } } })).toBe(
      'allowed',
    )
    expect(await handOn({ Operations: ['Decrypt'] })).toBe(denied)
    expect(await handOn({ Constraints: undefined })).toBe(denied)
    expect(await handOn({ Constraints: { EncryptionContextSubset: { tenantId: 'b' } } })).toBe(denied)
  })

  test.each<[object, Partial<CreateGrantCommandInput>, string]>([
    [{ Bool: { 'kms:GrantIsForAWSResource': 'true' } }, {}, denied],
    [{ Bool: { 'kms:GrantIsForAWSResource': 'false' } }, {}, 'allowed'],
    [{ StringEquals: { 'kms:GranteePrincipal': grantee } }, {}, 'allowed'],
    [{ StringEquals: { 'kms:RetiringPrincipal': retirer } }, {}, denied],
    [{ StringEquals: { 'kms:RetiringPrincipal': retirer } }, { RetiringPrincipal: retirer }, 'allowed'],
    [{ StringEquals: { 'kms:GrantConstraintType': 'EncryptionContextSubset' } }, {}, denied],
    [
      { StringEquals: { 'kms:GrantConstraintType': 'EncryptionContextSubset' } },
      { Constraints: { EncryptionContextSubset: { tenantId: 'a' } } },
      'allowed',
    ],
    [
      { StringEquals: { 'kms:EncryptionContext:tenantId': 'a' } },
      { Constraints: { EncryptionContextSubset: { tenantId: 'b' } } },
      denied,
    ],
    [{ 'ForAllValues:StringEquals': { 'kms:GrantOperations': ['Encrypt', 'Decrypt'] } }, {}, 'allowed'],
    [{ 'ForAllValues:StringEquals': { 'kms:GrantOperations': ['Decrypt'] } }, {}, denied],
  ])('under the condition %j with %j: %s', async (Condition, input, expected) => {
    const Policy = JSON.stringify(
      document(
        allow('kms:*', by(ownerAccount)),
        allow('kms:CreateGrant', { ...by(roleArn(strangerAccount, 'issuer')), Condition }),
      ),
    )
    const { arn } = await createKey(admin, { Policy })
    expect(await outcome(grant({ KeyId: arn, ...input }, clientOf('ISSUER')))).toBe(expected)
  })

  test('is for a resource of AWS when a service of AWS makes the call', async () => {
    const Condition = { Bool: { 'kms:GrantIsForAWSResource': true } }
    const issuer = roleArn(strangerAccount, 'issuer')
    const Policy = JSON.stringify(
      document(allow('kms:*', by(ownerAccount)), allow('kms:CreateGrant', { ...by(issuer), Condition })),
    )
    const { arn } = await createKey(admin, { Policy })
    kms.guardrails.put(issuer, { conditionKeys: { 'kms:ViaService': 'ec2.eu-west-1.amazonaws.com' } })
    expect(await outcome(grant({ KeyId: arn }, clientOf('ISSUER')))).toBe('allowed')
    kms.guardrails.delete(issuer)
  })

  test.each<[string, Partial<CreateGrantCommandInput>, string]>([
    ['a grantee that is nobody', { GranteePrincipal: 'somebody' }, 'InvalidArnException'],
    ['no operation', { Operations: [] }, 'ValidationException'],
    ['an operation of signing keys', { Operations: ['Sign'] }, 'ValidationException'],
    ['an unknown operation', { Operations: ['Dance' as GrantOperation] }, 'ValidationException'],
    ['DryRun', { DryRun: true }, 'DryRunOperationException'],
    ['a token that is none', { GrantTokens: ['x'] }, 'InvalidGrantTokenException'],
    ['nine pairs', { Constraints: { EncryptionContextEquals: nine } }, 'ValidationException'],
  ])('is refused with %s', async (_, input, name) => {
    expect((await refusal(grant(input))).name).toBe(name)
  })

  test('needs an enabled key; lists and revocation do not', async () => {
    const disabled = await createKey(admin)
    const { GrantId } = await grant({ KeyId: disabled.arn })
    await admin.send(new DisableKeyCommand({ KeyId: disabled.keyId }))
    expect((await refusal(grant({ KeyId: disabled.arn }))).name).toBe('DisabledException')
    const list = new ListGrantsCommand({ KeyId: disabled.arn, GrantId })
    expect((await admin.send(list)).Grants).toHaveLength(1)
    await revoke(GrantId, disabled.arn)
    expect(await refusal(admin.send(list))).toMatchObject({ name: 'NotFoundException' })
    expect((await refusal(revoke('x', disabled.arn))).name).toBe('InvalidGrantIdException')
  })
})

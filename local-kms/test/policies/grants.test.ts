// Grants: whom they let in, what their constraints ask for, and how they end.
import {
  CreateGrantCommand,
  type CreateGrantCommandInput,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  type GrantOperation,
  type KMSClient,
  ListGrantsCommand,
  ListRetirableGrantsCommand,
  paginateListGrants,
  paginateListRetirableGrants,
  PutKeyPolicyCommand,
  RetireGrantCommand,
  RevokeGrantCommand,
} from '@aws-sdk/client-kms'
import { AssumeRoleCommand } from '@aws-sdk/client-sts'
import { beforeEach, describe, expect, test } from 'vitest'
import { openEncryptionSdk } from '../encryption-sdk-under-test.ts'
import {
  bytes,
  createKey,
  homeRegion,
  otherRegion,
  ownerAccount,
  refusal,
  strangerAccount,
} from '../kms-under-test.ts'
import { allow, by, deny, document, roleArn, startKmsWith } from '../principals-under-test.ts'

const grantee = roleArn(strangerAccount, 'grantee')
const retirer = roleArn(ownerAccount, 'retirer')
let now = Date.now()
const { kms, clientOf } = await startKmsWith(
  {
    GRANTEE: { arn: grantee },
    OTHER: { arn: roleArn(strangerAccount, 'other') },
    BARRED: { arn: roleArn(strangerAccount, 'barred'), policy: document(deny('kms:Encrypt')) },
    RETIRER: { arn: retirer },
    DELEGATE: { arn: roleArn(strangerAccount, 'delegate') },
    ISSUER: { arn: roleArn(strangerAccount, 'issuer'), policy: document(allow('kms:*')) },
  },
  { now: () => now },
)
const admin = kms.client()
const key = await createKey(admin)

beforeEach(() => {
  kms.propagation.delayMs = 0
})

async function grant(input: Partial<CreateGrantCommandInput> = {}, client = admin) {
  const Operations: GrantOperation[] = ['Encrypt', 'Decrypt']
  const command = new CreateGrantCommand({ KeyId: key.arn, GranteePrincipal: grantee, Operations, ...input })
  const { GrantId = '', GrantToken = '' } = await client.send(command)
  return { GrantId, GrantToken }
}

const encrypt = (client: KMSClient, EncryptionContext?: Record<string, string>, KeyId = key.arn) =>
  client.send(new EncryptCommand({ KeyId, Plaintext: bytes('x'), EncryptionContext }))
const revoke = (GrantId: string, KeyId = key.arn) => admin.send(new RevokeGrantCommand({ KeyId, GrantId }))

async function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(
    () => 'allowed',
    async () => (await refusal(call)).name,
  )
}
const denied = 'AccessDeniedException'

describe('a grant', () => {
  test('lets in a principal of another account whom no policy allows anything, for its operations alone', async () => {
    const client = clientOf('GRANTEE')
    expect(await outcome(encrypt(client))).toBe(denied)
    const { GrantId } = await grant()
    const { CiphertextBlob } = await encrypt(client)
    expect(await outcome(client.send(new DecryptCommand({ CiphertextBlob })))).toBe('allowed')
    const dataKey = new GenerateDataKeyCommand({ KeyId: key.arn, KeySpec: 'AES_256' })
    expect(await outcome(client.send(dataKey))).toBe(denied)
    expect(await outcome(client.send(new DescribeKeyCommand({ KeyId: key.arn })))).toBe(denied)
    expect(await outcome(encrypt(clientOf('OTHER')))).toBe(denied)
    await revoke(GrantId)
    expect(await refusal(encrypt(client))).toMatchObject({
      name: denied,
      message: expect.stringContaining('no resource-based policy allows the kms:Encrypt action') as string,
    })
  })

  test('does not overrule a deny of the key policy or of an identity policy', async () => {
    const closed = await createKey(admin, {
      Policy: JSON.stringify(
        document(allow('kms:*', by(ownerAccount)), deny('kms:Decrypt', { Principal: '*' })),
      ),
    })
    const Operations: GrantOperation[] = ['Encrypt', 'Decrypt']
    await grant({ KeyId: closed.arn, Operations })
    await grant({ GranteePrincipal: roleArn(strangerAccount, 'barred'), KeyId: closed.arn, Operations })
    const { CiphertextBlob } = await encrypt(clientOf('GRANTEE'), undefined, closed.arn)
    const decrypt = new DecryptCommand({ CiphertextBlob, KeyId: closed.arn })
    expect((await refusal(clientOf('GRANTEE').send(decrypt))).message).toContain(
      'with an explicit deny in a resource-based policy',
    )
    expect((await refusal(encrypt(clientOf('BARRED'), undefined, closed.arn))).message).toContain(
      'with an explicit deny in an identity-based policy',
    )
  })

  test('covers the sessions of a role, or one session', async () => {
    const trust = document({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: ownerAccount } })
    const arn = roleArn(ownerAccount, 'worker')
    kms.roles.put({ arn, trust })
    const bare = await createKey(admin, {
      Policy: JSON.stringify(document(allow('kms:*', by(ownerAccount)))),
    })
    const sessionOf = async (RoleSessionName: string) => {
      const { Credentials } = await kms
        .stsClient()
        .send(new AssumeRoleCommand({ RoleArn: arn, RoleSessionName }))
      return kms.client({
        accessKeyId: Credentials?.AccessKeyId ?? '',
        secretAccessKey: Credentials?.SecretAccessKey ?? '',
        sessionToken: Credentials?.SessionToken ?? '',
      })
    }
    const [one, two] = [await sessionOf('one'), await sessionOf('two')]
    const session = `arn:aws:sts::${ownerAccount}:assumed-role/worker/one`
    const first = await grant({ KeyId: bare.arn, GranteePrincipal: session })
    expect(await outcome(encrypt(one, undefined, bare.arn))).toBe('allowed')
    expect(await outcome(encrypt(two, undefined, bare.arn))).toBe(denied)
    await revoke(first.GrantId, bare.arn)
    await grant({ KeyId: bare.arn, GranteePrincipal: arn })
    expect(await outcome(encrypt(two, undefined, bare.arn))).toBe('allowed')
  })

  test('concerns one Region', async () => {
    const multi = await createKey(admin, { MultiRegion: true })
    await grant({ KeyId: multi.arn })
    expect(await outcome(encrypt(clientOf('GRANTEE'), undefined, multi.arn))).toBe('allowed')
    const there = multi.arn.replace(homeRegion, otherRegion)
    expect(await outcome(encrypt(clientOf('GRANTEE', otherRegion), undefined, there))).toBe(denied)
  })
})

describe('constraints', () => {
  test.each<[CreateGrantCommandInput['Constraints'], Record<string, string>, string]>([
    [{ EncryptionContextEquals: { tenantId: 'a' } }, { tenantId: 'a' }, 'allowed'],
    [{ EncryptionContextEquals: { tenantId: 'a' } }, { TENANTID: 'a' }, 'allowed'],
    [{ EncryptionContextEquals: { tenantId: 'a' } }, { tenantId: 'A' }, denied],
    [{ EncryptionContextEquals: { tenantId: 'a' } }, { tenantId: 'a', more: 'b' }, denied],
    [{ EncryptionContextEquals: { tenantId: 'a' } }, {}, denied],
    [{ EncryptionContextEquals: {} }, { more: 'b' }, denied],
    [{ EncryptionContextSubset: { tenantId: 'a' } }, { tenantId: 'a', more: 'b' }, 'allowed'],
    [{ EncryptionContextSubset: { tenantId: 'a' } }, { tenantId: 'b', more: 'a' }, denied],
    [{ EncryptionContextSubset: { tenantId: 'a' } }, {}, denied],
  ])('%j with the context %j: %s', async (Constraints, context, expected) => {
    const { GrantId } = await grant({ Constraints })
    expect(await outcome(encrypt(clientOf('GRANTEE'), context))).toBe(expected)
    await revoke(GrantId)
  })

  test('do not concern DescribeKey, which has no context', async () => {
    const Constraints = { EncryptionContextEquals: { tenantId: 'a' } }
    const { GrantId } = await grant({ Constraints, Operations: ['Encrypt', 'DescribeKey'] })
    const describeKey = new DescribeKeyCommand({ KeyId: key.arn })
    expect(await outcome(clientOf('GRANTEE').send(describeKey))).toBe('allowed')
    await revoke(GrantId)
  })
})

test('the AWS Encryption SDK works by a grant that has not spread, with its token and the right context', async () => {
  kms.propagation.delayMs = 60_000
  const Operations: GrantOperation[] = ['GenerateDataKey', 'Encrypt', 'Decrypt']
  const Constraints = { EncryptionContextSubset: { tenantId: 'a' } }
  const { GrantToken } = await grant({ Operations, Constraints })
  const credentials = { accessKeyId: 'GRANTEE', secretAccessKey: 'secret of GRANTEE' }
  const without = openEncryptionSdk(kms.url, credentials, key.arn)
  const withToken = openEncryptionSdk(kms.url, credentials, key.arn, [GrantToken])
  await expect(without.seal('secret', { tenantId: 'a' })).rejects.toThrow(
    'is not authorized to perform: kms:GenerateDataKey',
  )
  await expect(withToken.seal('secret', { tenantId: 'b' })).rejects.toThrow('is not authorized')
  const message = await withToken.seal('secret', { tenantId: 'a' })
  expect(await withToken.open(message)).toBe('secret')
  await expect(without.open(message)).rejects.toThrow()
  now += 60_000
  expect(await without.open(message)).toBe('secret')
})

test('a revoked grant lets its grantee in until the revocation has spread', async () => {
  const { GrantId } = await grant()
  kms.propagation.delayMs = 60_000
  await revoke(GrantId)
  const { Grants } = await admin.send(new ListGrantsCommand({ KeyId: key.arn, GranteePrincipal: grantee }))
  expect(Grants?.map((each) => each.GrantId)).not.toContain(GrantId)
  await encrypt(clientOf('GRANTEE'), { any: 'context' })
  now += 60_000
  expect(await outcome(encrypt(clientOf('GRANTEE'), { any: 'context' }))).toBe(denied)
})

describe('lists', () => {
  test('page through grants as they were made, without tokens', async () => {
    const listed = await createKey(admin)
    const Constraints = { EncryptionContextSubset: { tenantId: 'a' } }
    const made = new Set<string | undefined>()
    for (const Name of ['one', 'two', 'three']) {
      const input = { KeyId: listed.keyId, Name, RetiringPrincipal: retirer, Constraints }
      made.add((await grant(input)).GrantId)
    }
    const seen = []
    for await (const page of paginateListGrants({ client: admin, pageSize: 2 }, { KeyId: listed.arn })) {
      seen.push(...(page.Grants ?? []))
    }
    expect(new Set(seen.map((each) => each.GrantId))).toStrictEqual(made)
    expect(seen.find((each) => each.Name === 'one')).toStrictEqual({
      KeyId: listed.arn,
      GrantId: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      Name: 'one',
      CreationDate: expect.any(Date) as Date,
      GranteePrincipal: grantee,
      RetiringPrincipal: retirer,
      IssuingAccount: `arn:aws:iam::${ownerAccount}:root`,
      Operations: ['Encrypt', 'Decrypt'],
      Constraints,
    })
    const retirable = []
    const input = { RetiringPrincipal: retirer }
    for await (const page of paginateListRetirableGrants({ client: admin, pageSize: 1 }, input)) {
      retirable.push(...(page.Grants ?? []))
    }
    expect(new Set(retirable.map((each) => each.GrantId))).toStrictEqual(made)
    const foreign = kms.client({ accessKeyId: strangerAccount })
    expect((await foreign.send(new ListRetirableGrantsCommand(input))).Grants).toStrictEqual([])
  })

  test('a request that is sent again with its name makes no second grant', async () => {
    const listed = await createKey(admin)
    const [one, two] = [
      await grant({ KeyId: listed.arn, Name: 'same' }),
      await grant({ KeyId: listed.arn, Name: 'same' }),
    ]
    expect(two.GrantId).toBe(one.GrantId)
    expect(two.GrantToken).not.toBe(one.GrantToken)
    await grant({ KeyId: listed.arn, Name: 'same', Operations: ['Encrypt'] })
    const { Grants } = await admin.send(new ListGrantsCommand({ KeyId: listed.arn }))
    expect(Grants).toHaveLength(2)
  })
})

describe('who retires a grant:', () => {
  const retire = (client: KMSClient, GrantId: string) =>
    client.send(new RetireGrantCommand({ KeyId: key.arn, GrantId }))

  test('its retiring principal, by token too', async () => {
    const { GrantId, GrantToken } = await grant({ RetiringPrincipal: retirer })
    expect(await outcome(retire(clientOf('OTHER'), GrantId))).toBe(denied)
    expect(await outcome(retire(clientOf('GRANTEE'), GrantId))).toBe(denied)
    await clientOf('RETIRER').send(new RetireGrantCommand({ GrantToken }))
    expect(await outcome(encrypt(clientOf('GRANTEE')))).toBe(denied)
    expect((await refusal(revoke(GrantId))).name).toBe('NotFoundException')
  })

  test('its grantee if it allows so, and the account that issued it', async () => {
    const own = await grant({ Operations: ['RetireGrant', 'Encrypt'] })
    expect(await outcome(retire(clientOf('GRANTEE'), own.GrantId))).toBe('allowed')
    expect(await outcome(retire(admin, (await grant()).GrantId))).toBe('allowed')
  })
})

test('a change of policy counts when it has spread, and is shown at once', async () => {
  const { arn } = await createKey(admin)
  kms.propagation.delayMs = 1_000
  const Policy = JSON.stringify(document(allow('kms:PutKeyPolicy', by(ownerAccount))))
  await admin.send(new PutKeyPolicyCommand({ KeyId: arn, Policy }))
  await encrypt(admin, undefined, arn)
  now += 1_000
  expect(await outcome(encrypt(admin, undefined, arn))).toBe(denied)
})

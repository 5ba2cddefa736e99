// The answer of each operation to a valid request.
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  DecryptCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  ListAliasesCommand,
  ListKeyPoliciesCommand,
  ListKeysCommand,
  ListResourceTagsCommand,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateAliasCommand,
  UpdateKeyDescriptionCommand,
  paginateListKeys,
} from '@aws-sdk/client-kms'
import { expect, test } from 'vitest'
import { bytes, createKey, otherRegion, ownerAccount, homeRegion, startKms, text } from './kms-under-test.ts'

const kms = await startKms()
const client = kms.client()
const key = await createKey(client)
let age = Date.now()
const aging = await startKms({ now: () => age })

const encrypt = (KeyId: string, plaintext = 'secret') =>
  client.send(new EncryptCommand({ KeyId, Plaintext: bytes(plaintext) }))
const decrypt = (CiphertextBlob: Uint8Array | undefined) =>
  client.send(new DecryptCommand({ CiphertextBlob }))
const describe = async (KeyId: string) => (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata

test('a new key is described in full', async () => {
  const { keyId, arn } = await createKey(client, { Description: 'for tests' })
  const metadata = await describe(keyId)
  expect(metadata).toStrictEqual({
    AWSAccountId: ownerAccount,
    Arn: arn,
    CreationDate: expect.any(Date) as Date,
    CurrentKeyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
    Description: 'for tests',
    Enabled: true,
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    KeyId: keyId,
    KeyManager: 'CUSTOMER',
    KeySpec: 'SYMMETRIC_DEFAULT',
    KeyState: 'Enabled',
    KeyUsage: 'ENCRYPT_DECRYPT',
    MultiRegion: false,
    Origin: 'AWS_KMS',
  })
  expect(arn).toBe(`arn:aws:kms:${homeRegion}:${ownerAccount}:key/${keyId}`)
  expect(keyId).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  expect(Math.abs(Date.now() - Number(metadata?.CreationDate))).toBeLessThan(10_000)
})

test('Decrypt opens the ciphertexts of Encrypt, with and without a key id', async () => {
  const sealed = await encrypt(key.keyId)
  expect(sealed).toMatchObject({ KeyId: key.arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' })
  expect(sealed.$metadata.requestId).toMatch(/^[0-9a-f-]{36}$/)
  for (const KeyId of [undefined, key.keyId, key.arn]) {
    const opened = await client.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob, KeyId }))
    expect(text(opened.Plaintext)).toBe('secret')
    expect(opened).toMatchObject({ KeyId: key.arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' })
  }
})

test.each([
  [{ KeySpec: 'AES_256' }, 32],
  [{ KeySpec: 'AES_128' }, 16],
  [{ NumberOfBytes: 1 }, 1],
  [{ NumberOfBytes: 1024 }, 1024],
] as const)('GenerateDataKey with %o makes a key of %i bytes', async (size, length) => {
  const made = await client.send(new GenerateDataKeyCommand({ KeyId: key.arn, ...size }))
  expect(made.Plaintext).toHaveLength(length)
  expect(made.KeyId).toBe(key.arn)
  expect((await decrypt(made.CiphertextBlob)).Plaintext).toStrictEqual(made.Plaintext)
})

test('GenerateDataKeyWithoutPlaintext does not answer the key', async () => {
  const made = await client.send(
    new GenerateDataKeyWithoutPlaintextCommand({ KeyId: key.arn, KeySpec: 'AES_256' }),
  )
  expect(made).not.toHaveProperty('Plaintext')
  expect((await decrypt(made.CiphertextBlob)).Plaintext).toHaveLength(32)
})

test('ReEncrypt moves a ciphertext to another key and another context', async () => {
  const destination = await createKey(client)
  const sealed = await client.send(
    new EncryptCommand({ KeyId: key.arn, Plaintext: bytes('moved'), EncryptionContext: { v: '1' } }),
  )
  const moved = await client.send(
    new ReEncryptCommand({
      CiphertextBlob: sealed.CiphertextBlob,
      SourceEncryptionContext: { v: '1' },
      DestinationKeyId: destination.keyId,
      DestinationEncryptionContext: { v: '2' },
    }),
  )
  expect(moved).toMatchObject({ SourceKeyId: key.arn, KeyId: destination.arn })
  const opened = await client.send(
    new DecryptCommand({ CiphertextBlob: moved.CiphertextBlob, EncryptionContext: { v: '2' } }),
  )
  expect(text(opened.Plaintext)).toBe('moved')
})

test('a disabled key is enabled again', async () => {
  const { keyId } = await createKey(client)
  await client.send(new DisableKeyCommand({ KeyId: keyId }))
  expect(await describe(keyId)).toMatchObject({ Enabled: false, KeyState: 'Disabled' })
  await client.send(new EnableKeyCommand({ KeyId: keyId }))
  expect(await describe(keyId)).toMatchObject({ Enabled: true, KeyState: 'Enabled' })
})

test('a cancelled deletion leaves the key disabled', async () => {
  const { keyId, arn } = await createKey(client)
  const scheduled = await client.send(new ScheduleKeyDeletionCommand({ KeyId: arn, PendingWindowInDays: 7 }))
  expect(scheduled).toMatchObject({ KeyId: arn, KeyState: 'PendingDeletion', PendingWindowInDays: 7 })
  const inSevenDays = Date.now() + 7 * 86_400_000
  expect(Math.abs(Number(scheduled.DeletionDate) - inSevenDays)).toBeLessThan(10_000)
  expect(await describe(keyId)).toMatchObject({ Enabled: false, DeletionDate: scheduled.DeletionDate })
  expect(await client.send(new CancelKeyDeletionCommand({ KeyId: keyId }))).toMatchObject({ KeyId: arn })
  const kept = await describe(keyId)
  expect(kept).toMatchObject({ KeyState: 'Disabled' })
  expect(kept).not.toHaveProperty('DeletionDate')
})

test('a key is gone with its aliases once its waiting period is over', async () => {
  const other = aging.client()
  const { keyId, arn } = await createKey(other)
  await other.send(new CreateAliasCommand({ AliasName: 'alias/doomed', TargetKeyId: keyId }))
  await other.send(new ScheduleKeyDeletionCommand({ KeyId: keyId }))
  age += 30 * 86_400_000 - 1
  await other.send(new DescribeKeyCommand({ KeyId: keyId }))
  age += 1
  await expect(other.send(new DescribeKeyCommand({ KeyId: keyId }))).rejects.toThrow(
    `Key '${arn}' does not exist`,
  )
  expect((await other.send(new ListAliasesCommand({}))).Aliases).toStrictEqual([])
})

test('an alias names its key wherever a request names a key, and can be moved to another key', async () => {
  const [first, second] = [await createKey(client), await createKey(client)]
  const alias = 'alias/team/one'
  const aliasArn = `arn:aws:kms:${homeRegion}:${ownerAccount}:${alias}`
  await client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: first.arn }))
  expect((await describe(alias))?.Arn).toBe(first.arn)
  expect((await encrypt(aliasArn)).KeyId).toBe(first.arn)
  await client.send(new UpdateAliasCommand({ AliasName: alias, TargetKeyId: second.keyId }))
  expect((await describe(aliasArn))?.Arn).toBe(second.arn)
  expect((await client.send(new ListAliasesCommand({ KeyId: first.keyId }))).Aliases).toStrictEqual([])
  expect((await client.send(new ListAliasesCommand({ KeyId: second.keyId }))).Aliases).toMatchObject([
    { AliasName: alias, AliasArn: aliasArn, TargetKeyId: second.keyId },
  ])
  await client.send(new DeleteAliasCommand({ AliasName: alias }))
  await expect(describe(alias)).rejects.toThrow(`Alias ${aliasArn} is not found.`)
})

test('tags are set, replaced, listed in pages and removed', async () => {
  const { keyId } = await createKey(client, { Tags: [{ TagKey: 'team', TagValue: 'one' }] })
  const list = (page: { Limit?: number; Marker?: string | undefined } = {}) =>
    client.send(new ListResourceTagsCommand({ KeyId: keyId, ...page }))
  await client.send(
    new TagResourceCommand({
      KeyId: keyId,
      Tags: [
        { TagKey: 'team', TagValue: 'two' },
        { TagKey: 'area', TagValue: '' },
      ],
    }),
  )
  const first = await list({ Limit: 1 })
  expect(first).toMatchObject({ Tags: [{ TagKey: 'area', TagValue: '' }], Truncated: true })
  const second = await list({ Limit: 1, Marker: first.NextMarker })
  expect(second).toMatchObject({ Tags: [{ TagKey: 'team', TagValue: 'two' }], Truncated: false })
  await client.send(new UntagResourceCommand({ KeyId: keyId, TagKeys: ['team'] }))
  expect((await list()).Tags).toStrictEqual([{ TagKey: 'area', TagValue: '' }])
})

test('the default policy is the account’s, and PutKeyPolicy replaces it', async () => {
  const { keyId } = await createKey(client)
  const get = async () => (await client.send(new GetKeyPolicyCommand({ KeyId: keyId }))).Policy
  const policy = JSON.parse((await get()) ?? '') as { Statement: unknown }
  expect(policy.Statement).toStrictEqual([
    {
      Sid: 'Enable IAM User Permissions',
      Effect: 'Allow',
      Principal: { AWS: `arn:aws:iam::${ownerAccount}:root` },
      Action: 'kms:*',
      Resource: '*',
    },
  ])
  const replaced = JSON.stringify({ ...policy, Id: 'mine' })
  await client.send(new PutKeyPolicyCommand({ KeyId: keyId, Policy: replaced, PolicyName: 'default' }))
  expect(await get()).toBe(replaced)
  const { PolicyNames } = await client.send(new ListKeyPoliciesCommand({ KeyId: keyId }))
  expect(PolicyNames).toStrictEqual(['default'])
})

test('rotation has a status, and old ciphertexts open after a rotation on demand', async () => {
  const { keyId, arn } = await createKey(client)
  const status = () => client.send(new GetKeyRotationStatusCommand({ KeyId: keyId }))
  expect(await status()).toMatchObject({ KeyRotationEnabled: false })
  await client.send(new EnableKeyRotationCommand({ KeyId: keyId, RotationPeriodInDays: 90 }))
  expect(await status()).toMatchObject({ KeyId: arn, KeyRotationEnabled: true, RotationPeriodInDays: 90 })
  await client.send(new DisableKeyRotationCommand({ KeyId: keyId }))
  expect(await status()).toMatchObject({ KeyRotationEnabled: false })

  const before = await encrypt(keyId, 'old')
  await client.send(new RotateKeyOnDemandCommand({ KeyId: keyId }))
  const after = await encrypt(keyId, 'new')
  const [old, fresh] = [await decrypt(before.CiphertextBlob), await decrypt(after.CiphertextBlob)]
  expect([text(old.Plaintext), text(fresh.Plaintext)]).toStrictEqual(['old', 'new'])
  expect(old.KeyMaterialId).not.toBe(fresh.KeyMaterialId)
  expect((await describe(keyId))?.CurrentKeyMaterialId).toBe(fresh.KeyMaterialId)
})

test('ListKeys pages through the keys of one account and Region only', async () => {
  const as = { accessKeyId: '777788889999' }
  const lister = kms.client(as)
  const made = new Set<string>()
  for (let i = 0; i < 5; i++) made.add((await createKey(lister)).arn)
  await createKey(kms.client({ ...as, region: otherRegion }))
  const seen: string[] = []
  const sizes: number[] = []
  for await (const { Keys = [] } of paginateListKeys({ client: lister, pageSize: 2 }, {})) {
    sizes.push(Keys.length)
    seen.push(...Keys.map((one) => one.KeyArn ?? ''))
  }
  expect(sizes).toStrictEqual([2, 2, 1])
  expect(new Set(seen)).toStrictEqual(made)
  expect((await lister.send(new ListKeysCommand({}))).Truncated).toBe(false)
})

test('UpdateKeyDescription changes the description', async () => {
  const { keyId } = await createKey(client)
  await client.send(new UpdateKeyDescriptionCommand({ KeyId: keyId, Description: 'new' }))
  expect((await describe(keyId))?.Description).toBe('new')
})

test.each([
  ['RSA_2048', 'ENCRYPT_DECRYPT', { EncryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] }],
  ['ECC_NIST_P256', 'SIGN_VERIFY', { SigningAlgorithms: ['ECDSA_SHA_256'] }],
  ['ECC_NIST_P384', 'KEY_AGREEMENT', { KeyAgreementAlgorithms: ['ECDH'] }],
  ['HMAC_256', 'GENERATE_VERIFY_MAC', { MacAlgorithms: ['HMAC_SHA_256'] }],
] as const)('a key of spec %s for %s is described as such', async (KeySpec, KeyUsage, algorithms) => {
  const { metadata } = await createKey(client, { KeySpec, KeyUsage })
  expect(metadata).toMatchObject({ KeySpec, KeyUsage, CustomerMasterKeySpec: KeySpec, ...algorithms })
})

test('calls are counted by operation, Region, account and key', async () => {
  const counted = await createKey(client)
  await encrypt(counted.keyId)
  const sealed = await encrypt(counted.arn)
  await decrypt(sealed.CiphertextBlob)
  await expect(
    client.send(new EncryptCommand({ KeyId: counted.arn, Plaintext: bytes('') })),
  ).rejects.toThrow()
  expect(kms.countCalls({ keyId: counted.keyId, operation: 'Encrypt' })).toBe(3)
  expect(kms.countCalls({ keyId: counted.arn })).toBe(4)
  expect(kms.countCalls({ keyId: counted.arn, region: otherRegion })).toBe(0)
  expect(kms.callCounts({ keyId: counted.keyId, operation: 'Decrypt' })).toStrictEqual([
    {
      operation: 'Decrypt',
      region: homeRegion,
      account: ownerAccount,
      caller: `arn:aws:iam::${ownerAccount}:root`,
      keys: [counted.arn],
      count: 1,
    },
  ])
})

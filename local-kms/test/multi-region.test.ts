// A key and its replicas share one material, and have independent policies and states.
import {
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  ReplicateKeyCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { expect, test } from 'vitest'
import {
  bytes,
  createKey,
  otherRegion,
  ownerAccount,
  homeRegion,
  refusal,
  startKms,
  text,
} from './kms-under-test.ts'

const dayMs = 86_400_000

let now = Date.now()
const kms = await startKms({ now: () => now })
const here = kms.client()
const there = kms.client({ region: otherRegion })

const describe = async (client: KMSClient, KeyId: string) =>
  (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata

async function createPair() {
  const primary = await createKey(here, { MultiRegion: true, Description: 'primary' })
  const answer = await here.send(
    new ReplicateKeyCommand({ KeyId: primary.keyId, ReplicaRegion: otherRegion }),
  )
  return { primary, answer, replicaArn: primary.arn.replace(homeRegion, otherRegion) }
}

async function createReadyPair() {
  const pair = await createPair()
  now += 200
  return pair
}

test('the metadata of a multi-region key say that it is one', async () => {
  const { keyId, arn, metadata } = await createKey(here, { MultiRegion: true })
  expect(keyId).toMatch(/^mrk-[0-9a-f]{32}$/)
  expect(metadata.MultiRegionConfiguration).toStrictEqual({
    MultiRegionKeyType: 'PRIMARY',
    PrimaryKey: { Arn: arn, Region: homeRegion },
    ReplicaKeys: [],
  })
})

test('a replica is Creating for 200 ms, unusable meanwhile, and then Enabled', async () => {
  const { primary, answer, replicaArn } = await createPair()
  const expected = {
    Arn: replicaArn,
    KeyId: primary.keyId,
    Description: '',
    MultiRegionConfiguration: {
      MultiRegionKeyType: 'REPLICA',
      PrimaryKey: { Arn: primary.arn, Region: homeRegion },
      ReplicaKeys: [{ Arn: replicaArn, Region: otherRegion }],
    },
  }
  expect(answer.ReplicaKeyMetadata).toMatchObject({ ...expected, KeyState: 'Creating', Enabled: false })
  expect(JSON.parse(answer.ReplicaPolicy ?? '')).toMatchObject({
    Statement: [{ Principal: { AWS: `arn:aws:iam::${ownerAccount}:root` } }],
  })
  const early = there.send(new EncryptCommand({ KeyId: primary.keyId, Plaintext: bytes('x') }))
  expect(await refusal(early)).toStrictEqual({
    name: 'KMSInvalidStateException',
    message: `${replicaArn} is creating.`,
    status: 400,
  })
  now += 199
  expect(await describe(there, primary.keyId)).toMatchObject({ KeyState: 'Creating' })
  now += 1
  expect(await describe(there, primary.keyId)).toMatchObject({
    ...expected,
    KeyState: 'Enabled',
    Enabled: true,
  })
  await there.send(new EncryptCommand({ KeyId: primary.keyId, Plaintext: bytes('x') }))
})

test('each Region decrypts ciphertexts of the other, and answers with its own ARN', async () => {
  const { primary, replicaArn } = await createReadyPair()
  const context = { EncryptionContext: { tenantId: 'a' } }
  for (const [from, to, arn] of [
    [here, there, replicaArn],
    [there, here, primary.arn],
  ] as const) {
    const { CiphertextBlob } = await from.send(
      new EncryptCommand({ KeyId: primary.keyId, Plaintext: bytes('shared'), ...context }),
    )
    const opened = await to.send(new DecryptCommand({ CiphertextBlob, ...context }))
    expect([text(opened.Plaintext), opened.KeyId]).toStrictEqual(['shared', arn])
  }
})

test('disabling the key in one Region leaves the other alone', async () => {
  const { primary } = await createReadyPair()
  const sealed = await there.send(new EncryptCommand({ KeyId: primary.keyId, Plaintext: bytes('x') }))
  await here.send(new DisableKeyCommand({ KeyId: primary.keyId }))
  const decrypt = new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob })
  expect((await refusal(here.send(decrypt))).name).toBe('DisabledException')
  expect(text((await there.send(decrypt)).Plaintext)).toBe('x')
})

test('a replica gets the policy of the request', async () => {
  const { keyId } = await createKey(here, { MultiRegion: true })
  const Policy = JSON.stringify({
    Id: 'replica',
    Statement: [{ Effect: 'Allow', Principal: { AWS: ownerAccount }, Action: 'kms:*', Resource: '*' }],
  })
  await here.send(new ReplicateKeyCommand({ KeyId: keyId, ReplicaRegion: otherRegion, Policy }))
  expect((await there.send(new GetKeyPolicyCommand({ KeyId: keyId }))).Policy).toBe(Policy)
  expect((await here.send(new GetKeyPolicyCommand({ KeyId: keyId }))).Policy).not.toBe(Policy)
})

test('only a primary replicates, once to a Region, and rotates', async () => {
  const { primary, replicaArn } = await createReadyPair()
  const again = here.send(new ReplicateKeyCommand({ KeyId: primary.keyId, ReplicaRegion: otherRegion }))
  expect((await refusal(again)).name).toBe('AlreadyExistsException')
  const notPrimary = {
    name: 'UnsupportedOperationException',
    message: `${replicaArn} is not a multi-region primary key.`,
    status: 400,
  }
  const onward = there.send(new ReplicateKeyCommand({ KeyId: primary.keyId, ReplicaRegion: 'eu-north-1' }))
  expect(await refusal(onward)).toStrictEqual(notPrimary)
  const rotation = there.send(new EnableKeyRotationCommand({ KeyId: primary.keyId }))
  expect(await refusal(rotation)).toStrictEqual(notPrimary)
  const single = await createKey(here)
  const replicate = here.send(new ReplicateKeyCommand({ KeyId: single.keyId, ReplicaRegion: otherRegion }))
  expect((await refusal(replicate)).message).toBe(`${single.arn} is not a multi-region primary key.`)
})

test('a single-region key and its ciphertexts are unknown in another Region', async () => {
  const { keyId, arn } = await createKey(here)
  const { CiphertextBlob } = await here.send(new EncryptCommand({ KeyId: keyId, Plaintext: bytes('x') }))
  expect(await refusal(there.send(new DecryptCommand({ CiphertextBlob })))).toMatchObject({
    name: 'AccessDeniedException',
    message: expect.stringContaining(
      'kms:Decrypt on the resource associated with this ciphertext because the resource does not exist in this Region',
    ) as string,
  })
  expect(await refusal(there.send(new DescribeKeyCommand({ KeyId: arn })))).toStrictEqual({
    name: 'NotFoundException',
    message: `Invalid arn ${homeRegion}`,
    status: 400,
  })
})

test('a primary waits for its replicas before its own waiting period starts', async () => {
  const { primary } = await createReadyPair()
  const scheduled = await here.send(
    new ScheduleKeyDeletionCommand({ KeyId: primary.keyId, PendingWindowInDays: 8 }),
  )
  expect(scheduled).toMatchObject({ KeyState: 'PendingReplicaDeletion', PendingWindowInDays: 8 })
  expect(scheduled.DeletionDate).toBeUndefined()
  await there.send(new ScheduleKeyDeletionCommand({ KeyId: primary.keyId, PendingWindowInDays: 7 }))
  now += 7 * dayMs
  await expect(describe(there, primary.keyId)).rejects.toThrow('does not exist')
  expect(await describe(here, primary.keyId)).toMatchObject({ KeyState: 'PendingDeletion' })
  now += 8 * dayMs
  await expect(describe(here, primary.keyId)).rejects.toThrow('does not exist')
})

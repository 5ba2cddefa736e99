// Details of AWS that clients have stumbled over: what answers leave out, what a refusal does not tell, and who must exist.
import {
  CreateGrantCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  ListKeysCommand,
  paginateListKeyRotations,
  PutKeyPolicyCommand,
  ReEncryptCommand,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
  UpdatePrimaryRegionCommand,
} from '@aws-sdk/client-kms'
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { afterEach, describe, expect, test } from 'vitest'
import {
  bytes,
  createKey,
  homeRegion,
  otherRegion,
  ownerAccount,
  refusal,
  startKms,
  strangerAccount,
} from './kms-under-test.ts'
import { allow, by, document, roleArn } from './principals-under-test.ts'

let now = Date.now()
const kms = await startKms({ now: () => now })
const admin = kms.client()
const there = kms.client({ region: otherRegion })
const stranger = kms.client({ accessKeyId: strangerAccount })
const encrypt = (KeyId: string, client = admin) =>
  client.send(new EncryptCommand({ KeyId, Plaintext: bytes('x') }))
const describeKey = async (KeyId: string, client = admin) =>
  (await client.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata

afterEach(() => {
  kms.principals.mustExist = false
  kms.propagation.delayMs = 0
})

async function createPair() {
  const primary = await createKey(admin, { MultiRegion: true })
  const answer = await admin.send(
    new ReplicateKeyCommand({ KeyId: primary.keyId, ReplicaRegion: otherRegion }),
  )
  now += 200
  return { ...primary, answer, replicaArn: primary.arn.replace(homeRegion, otherRegion) }
}

test('ReplicateKey does not name the material, DescribeKey does', async () => {
  const { keyId, answer } = await createPair()
  expect(answer.ReplicaKeyMetadata).not.toHaveProperty('CurrentKeyMaterialId')
  expect(await describeKey(keyId, there)).toHaveProperty('CurrentKeyMaterialId')
})

test('RotateKeyOnDemand looks at the state of a key before its kind', async () => {
  const { keyId, arn } = await createKey(admin, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
  const rotate = () => admin.send(new RotateKeyOnDemandCommand({ KeyId: keyId }))
  expect((await refusal(rotate())).name).toBe('UnsupportedOperationException')
  await admin.send(new DisableKeyCommand({ KeyId: keyId }))
  expect(await refusal(rotate())).toMatchObject({
    name: 'DisabledException',
    message: `${arn} is disabled.`,
  })
})

test('rotations are listed in pages, with the first material on demand', async () => {
  const { keyId, arn } = await createKey(admin)
  for (let i = 0; i < 3; i++) await admin.send(new RotateKeyOnDemandCommand({ KeyId: keyId }))
  const list = async (IncludeKeyMaterial?: 'ALL_KEY_MATERIAL') => {
    const all = []
    const input = { KeyId: keyId, IncludeKeyMaterial }
    for await (const page of paginateListKeyRotations({ client: admin, pageSize: 2 }, input)) {
      all.push(...(page.Rotations ?? []))
    }
    return all
  }
  const rotations = await list()
  expect(rotations.map((each) => [each.KeyId, each.RotationType, each.KeyMaterialState])).toStrictEqual([
    [arn, 'ON_DEMAND', 'NON_CURRENT'],
    [arn, 'ON_DEMAND', 'NON_CURRENT'],
    [arn, 'ON_DEMAND', 'CURRENT'],
  ])
  expect(rotations[0]?.RotationDate?.getTime()).toBe(now)
  expect(await list('ALL_KEY_MATERIAL')).toHaveLength(4)
})

describe('a refusal of Decrypt without a key id', () => {
  const hidden = (caller: string, action: string) =>
    `User: ${caller} is not authorized to perform: kms:${action} on the resource associated with this ciphertext because the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access`

  test('does not tell a key of another account from none', async () => {
    const foreign = await createKey(admin)
    const own = await createKey(stranger)
    const { CiphertextBlob } = await encrypt(foreign.keyId)
    const root = `arn:aws:iam::${strangerAccount}:root`
    const decrypt = new DecryptCommand({ CiphertextBlob })
    expect((await refusal(stranger.send(decrypt))).message).toBe(hidden(root, 'Decrypt'))
    const elsewhere = kms.client({ accessKeyId: strangerAccount, region: otherRegion })
    expect((await refusal(elsewhere.send(decrypt))).message).toBe(hidden(root, 'Decrypt'))
    const move = new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: own.keyId })
    expect((await refusal(stranger.send(move))).message).toBe(hidden(root, 'ReEncryptFrom'))
    const named = stranger.send(new DecryptCommand({ CiphertextBlob, KeyId: foreign.arn }))
    expect((await refusal(named)).message).toContain(`on resource: ${foreign.arn}`)
  })
})

describe('UpdatePrimaryRegion', () => {
  const update = (KeyId: string, PrimaryRegion: string, client = admin) =>
    client.send(new UpdatePrimaryRegionCommand({ KeyId, PrimaryRegion }))

  test('makes a replica the primary; both are Updating, and used, for a moment', async () => {
    const { keyId, arn, replicaArn } = await createPair()
    await update(keyId, otherRegion)
    expect(await describeKey(keyId)).toMatchObject({
      KeyState: 'Updating',
      MultiRegionConfiguration: { MultiRegionKeyType: 'REPLICA', PrimaryKey: { Arn: replicaArn } },
    })
    await encrypt(keyId)
    expect(await refusal(admin.send(new DisableKeyCommand({ KeyId: keyId })))).toStrictEqual({
      name: 'KMSInvalidStateException',
      message: `${arn} is updating.`,
      status: 400,
    })
    now += 200
    expect(await describeKey(keyId, there)).toMatchObject({
      KeyState: 'Enabled',
      MultiRegionConfiguration: { MultiRegionKeyType: 'PRIMARY' },
    })
    await there.send(new RotateKeyOnDemandCommand({ KeyId: keyId }))
    expect((await refusal(update(keyId, homeRegion))).message).toBe(
      `${arn} is not a multi-region primary key.`,
    )
  })

  test('needs a replica in another Region', async () => {
    const { keyId } = await createPair()
    expect((await refusal(update(keyId, 'eu-north-1'))).name).toBe('NotFoundException')
    expect((await refusal(update(keyId, homeRegion))).name).toBe('UnsupportedOperationException')
  })
})

describe('principals that must exist', () => {
  const known = roleArn(ownerAccount, 'known')
  const unknown = roleArn(ownerAccount, 'unknown')
  const policyFor = (arn: string) =>
    JSON.stringify(document(allow('kms:*', by(ownerAccount)), allow('kms:Encrypt', by(arn))))

  test('are looked for in policies and grants', async () => {
    kms.roles.put({
      arn: known,
      trust: document({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: ownerAccount } }),
    })
    const { keyId } = await createKey(admin)
    const put = (arn: string) => admin.send(new PutKeyPolicyCommand({ KeyId: keyId, Policy: policyFor(arn) }))
    const grant = (GranteePrincipal: string) =>
      admin.send(new CreateGrantCommand({ KeyId: keyId, GranteePrincipal, Operations: ['Encrypt'] }))
    await put(unknown)
    expect((await kms.control('PUT', 'principals', { mustExist: true })).status).toBe(201)
    expect(await refusal(put(unknown))).toMatchObject({
      name: 'MalformedPolicyDocumentException',
      message: 'Policy contains a statement with one or more invalid principals.',
    })
    expect((await refusal(createKey(admin, { Policy: policyFor(unknown) }))).name).toBe(
      'MalformedPolicyDocumentException',
    )
    expect((await refusal(grant(unknown))).name).toBe('InvalidArnException')
    for (const arn of [known, `arn:aws:sts::${ownerAccount}:assumed-role/known/session`]) {
      await put(arn)
      await grant(arn)
    }
  })
})

test('a change of state counts when it has spread, and is shown at once', async () => {
  const { keyId } = await createKey(admin)
  kms.propagation.delayMs = 1_000
  await admin.send(new DisableKeyCommand({ KeyId: keyId }))
  expect(await describeKey(keyId)).toMatchObject({ KeyState: 'Disabled' })
  await encrypt(keyId)
  now += 500
  await admin.send(new EnableKeyCommand({ KeyId: keyId }))
  now += 500
  expect((await refusal(encrypt(keyId))).name).toBe('DisabledException')
  now += 500
  await encrypt(keyId)
})

describe('a Region that an account has not enabled', () => {
  const region = 'af-south-1'
  const sts = (accessKeyId: string) => kms.stsClient({ accessKeyId, region })
  const arn = roleArn(ownerAccount, 'opted')

  test('does not know the account, and STS makes no session for it', async () => {
    kms.roles.put({
      arn,
      trust: document({ Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { AWS: strangerAccount } }),
    })
    const assume = () =>
      sts(strangerAccount).send(new AssumeRoleCommand({ RoleArn: arn, RoleSessionName: 'test' }))
    await assume()
    kms.optOuts.add(ownerAccount, region)
    const inRegion = kms.client({ region })
    expect(await refusal(inRegion.send(new ListKeysCommand({})))).toStrictEqual({
      name: 'UnrecognizedClientException',
      message: 'The security token included in the request is invalid.',
      status: 400,
    })
    await expect(sts(ownerAccount).send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
      name: 'InvalidClientTokenId',
    })
    await expect(assume()).rejects.toMatchObject({
      name: 'RegionDisabledException',
      message: expect.stringContaining(
        `STS is not activated in this region for account:${ownerAccount}`,
      ) as string,
    })
    const { keyId } = await createKey(admin, { MultiRegion: true })
    const replicate = () => admin.send(new ReplicateKeyCommand({ KeyId: keyId, ReplicaRegion: region }))
    expect((await refusal(replicate())).name).toBe('UnsupportedOperationException')
    expect((await kms.control('DELETE', `opt-outs/${ownerAccount}/${region}`)).status).toBe(204)
    await replicate()
    expect((await kms.control('PUT', `opt-outs/${ownerAccount}/nowhere`)).status).toBe(400)
  })
})

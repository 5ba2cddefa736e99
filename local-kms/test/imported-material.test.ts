// Keys whose material the customer imports: they wait for it, lose it, and get it back.
import { constants, createCipheriv, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto'
import {
  type AlgorithmSpec,
  CancelKeyDeletionCommand,
  CreateGrantCommand,
  DecryptCommand,
  DeleteImportedKeyMaterialCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyRotationCommand,
  EncryptCommand,
  GetKeyRotationStatusCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  type ImportKeyMaterialCommandInput,
  type KMSClient,
  paginateListKeyRotations,
  ReplicateKeyCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { describe, expect, test } from 'vitest'
import { openEncryptionSdk } from './encryption-sdk-under-test.ts'
import {
  bytes,
  createKey,
  homeRegion,
  otherRegion,
  ownerAccount,
  refusal,
  startKms,
  text,
} from './kms-under-test.ts'

const hourMs = 3_600_000
let now = Date.now()
const kms = await startKms({ now: () => now })
const client = kms.client()
const there = kms.client({ region: otherRegion })

const external = (more: object = {}) => createKey(client, { Origin: 'EXTERNAL', ...more })
const describeKey = async (KeyId: string, by = client) =>
  (await by.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata
const encrypt = async (KeyId: string, by = client) =>
  (await by.send(new EncryptCommand({ KeyId, Plaintext: bytes('x') }))).CiphertextBlob
const decrypt = async (CiphertextBlob: Uint8Array | undefined, by = client) =>
  text((await by.send(new DecryptCommand({ CiphertextBlob }))).Plaintext)
const forget = (KeyId: string, by = client) => by.send(new DeleteImportedKeyMaterialCommand({ KeyId }))
const pendingImport = (arn: string) => ({
  name: 'KMSInvalidStateException',
  message: `${arn} is pending import.`,
  status: 400,
})

function wrap(publicKey: Uint8Array, algorithm: AlgorithmSpec, material: Buffer): Buffer {
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
  const oaepHash = algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256'
  const seal = (plain: Buffer) =>
    publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, plain)
  if (!algorithm.startsWith('RSA_AES')) return seal(material)
  const aesKey = randomBytes(32)
  const cipher = createCipheriv('id-aes256-wrap-pad', aesKey, Buffer.from('a65959a6', 'hex'))
  return Buffer.concat([seal(aesKey), cipher.update(material), cipher.final()])
}

async function parameters(
  KeyId: string,
  by = client,
  WrappingAlgorithm: AlgorithmSpec = 'RSAES_OAEP_SHA_256',
) {
  const { ImportToken, PublicKey = bytes('') } = await by.send(
    new GetParametersForImportCommand({ KeyId, WrappingAlgorithm, WrappingKeySpec: 'RSA_2048' }),
  )
  return { ImportToken, PublicKey, WrappingAlgorithm }
}

async function importInto(
  KeyId: string,
  material: Buffer,
  input: Partial<ImportKeyMaterialCommandInput> = {},
  by: KMSClient = client,
  algorithm: AlgorithmSpec = 'RSAES_OAEP_SHA_256',
) {
  const { ImportToken, PublicKey } = await parameters(KeyId, by, algorithm)
  return by.send(
    new ImportKeyMaterialCommand({
      KeyId,
      ImportToken,
      EncryptedKeyMaterial: wrap(PublicKey, algorithm, material),
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
      ...input,
    }),
  )
}

test('a key without material is pending import, and is used after the import', async () => {
  const { keyId, arn, metadata } = await external()
  expect(metadata).toMatchObject({ Origin: 'EXTERNAL', KeyState: 'PendingImport', Enabled: false })
  expect(metadata).not.toHaveProperty('ExpirationModel')
  for (const call of [
    encrypt(keyId),
    client.send(new DisableKeyCommand({ KeyId: keyId })),
    client.send(new RotateKeyOnDemandCommand({ KeyId: keyId })),
    client.send(
      new CreateGrantCommand({
        KeyId: keyId,
        GranteePrincipal: `arn:aws:iam::${ownerAccount}:root`,
        Operations: ['Encrypt'],
      }),
    ),
  ]) {
    expect(await refusal(call)).toStrictEqual(pendingImport(arn))
  }
  const { KeyMaterialId } = await importInto(keyId, randomBytes(32))
  expect(await describeKey(keyId)).toMatchObject({
    KeyState: 'Enabled',
    Enabled: true,
    ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    CurrentKeyMaterialId: KeyMaterialId,
  })
  expect(await decrypt(await encrypt(keyId))).toBe('x')
  const sdk = openEncryptionSdk(kms.url, { accessKeyId: ownerAccount, secretAccessKey: 'test' }, arn)
  const message = await sdk.seal('secret')
  expect(await sdk.open(message)).toBe('secret')
  await forget(keyId)
  await expect(sdk.open(message)).rejects.toThrow('is pending import.')
})

test.each<AlgorithmSpec>(['RSAES_OAEP_SHA_1', 'RSA_AES_KEY_WRAP_SHA_1', 'RSA_AES_KEY_WRAP_SHA_256'])(
  'material is imported with %s',
  async (algorithm) => {
    const { keyId } = await external()
    await importInto(keyId, randomBytes(32), {}, client, algorithm)
    expect(await decrypt(await encrypt(keyId))).toBe('x')
  },
)

test('deleted material comes back with the same bytes only, and opens what it has sealed', async () => {
  const { keyId, arn } = await external()
  const material = randomBytes(32)
  const { KeyMaterialId } = await importInto(keyId, material)
  const sealed = await encrypt(keyId)
  expect(await forget(keyId)).toMatchObject({ KeyId: arn, KeyMaterialId })
  expect(await refusal(decrypt(sealed))).toStrictEqual(pendingImport(arn))
  await forget(keyId)
  expect((await refusal(importInto(keyId, randomBytes(32)))).name).toBe('IncorrectKeyMaterialException')
  expect((await refusal(importInto(keyId, material, { KeyMaterialId: 'a'.repeat(64) }))).name).toBe(
    'IncorrectKeyMaterialException',
  )
  expect((await importInto(keyId, material)).KeyMaterialId).toBe(KeyMaterialId)
  expect(await decrypt(sealed)).toBe('x')
})

test('material expires, and can be imported again', async () => {
  const { keyId, arn } = await external()
  const material = randomBytes(32)
  const ValidTo = new Date(Math.ceil(now / 1_000) * 1_000 + hourMs)
  await importInto(keyId, material, { ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo })
  expect(await describeKey(keyId)).toMatchObject({ ExpirationModel: 'KEY_MATERIAL_EXPIRES', ValidTo })
  const sealed = await encrypt(keyId)
  now = ValidTo.getTime()
  expect(await refusal(decrypt(sealed))).toStrictEqual(pendingImport(arn))
  expect(await describeKey(keyId)).toMatchObject({ KeyState: 'PendingImport' })
  await importInto(keyId, material)
  expect(await decrypt(sealed)).toBe('x')
})

test('a key pending deletion stays so, and is pending import once saved without its material', async () => {
  const { keyId, arn } = await external()
  await importInto(keyId, randomBytes(32))
  await client.send(new ScheduleKeyDeletionCommand({ KeyId: keyId }))
  expect((await refusal(parameters(keyId))).message).toBe(`${arn} is pending deletion.`)
  await forget(keyId)
  expect(await describeKey(keyId)).toMatchObject({ KeyState: 'PendingDeletion' })
  await client.send(new CancelKeyDeletionCommand({ KeyId: keyId }))
  expect(await describeKey(keyId)).toMatchObject({ KeyState: 'PendingImport' })
})

describe('an import is refused', () => {
  test('for a key that AWS made the material of', async () => {
    const { keyId, arn } = await createKey(client)
    const refused = {
      name: 'UnsupportedOperationException',
      message: `${arn} origin is AWS_KMS which is not valid for this operation.`,
      status: 400,
    }
    expect(await refusal(parameters(keyId))).toStrictEqual(refused)
    expect(await refusal(forget(keyId))).toStrictEqual(refused)
  })

  test('with a token that is invalid, of another key, or expired', async () => {
    const [one, two] = [await external(), await external()]
    const { ImportToken } = await parameters(one.keyId)
    const name = 'InvalidImportTokenException'
    expect((await refusal(importInto(two.keyId, randomBytes(32), { ImportToken }))).name).toBe(name)
    const junk = { ImportToken: bytes('junk') }
    expect((await refusal(importInto(two.keyId, randomBytes(32), junk))).name).toBe(name)
    now += 24 * hourMs
    expect((await refusal(importInto(one.keyId, randomBytes(32), { ImportToken }))).name).toBe(
      'ExpiredImportTokenException',
    )
  })

  test.each<[string, Buffer, Partial<ImportKeyMaterialCommandInput>, string]>([
    ['of 16 bytes', randomBytes(16), {}, 'IncorrectKeyMaterialException'],
    [
      'wrapped under nothing',
      randomBytes(32),
      { EncryptedKeyMaterial: randomBytes(256) },
      'InvalidCiphertextException',
    ],
    [
      'that expires at no time',
      randomBytes(32),
      { ExpirationModel: 'KEY_MATERIAL_EXPIRES' },
      'ValidationException',
    ],
    [
      'that has expired',
      randomBytes(32),
      { ExpirationModel: undefined, ValidTo: new Date(1e12) },
      'ValidationException',
    ],
    [
      'that expires and does not',
      randomBytes(32),
      { ValidTo: new Date(now + hourMs) },
      'ValidationException',
    ],
    [
      'that should exist',
      randomBytes(32),
      { ImportType: 'EXISTING_KEY_MATERIAL' },
      'IncorrectKeyMaterialException',
    ],
  ])('of material %s', async (_, material, input, name) => {
    const { keyId } = await external()
    expect((await refusal(importInto(keyId, material, input))).name).toBe(name)
  })

  test('wrapped with an algorithm that AWS has given up', async () => {
    const { keyId } = await external()
    expect((await refusal(parameters(keyId, client, 'RSAES_PKCS1_V1_5'))).name).toBe(
      'UnsupportedOperationException',
    )
  })
})

async function rotationsOf(KeyId: string) {
  const all = []
  const input = { KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' } as const
  for await (const page of paginateListKeyRotations({ client, pageSize: 1 }, input)) {
    all.push(...(page.Rotations ?? []))
  }
  return all.map((each) => [each.KeyMaterialId, each.KeyMaterialState, each.ImportState])
}

test('new material waits for a rotation on demand; then all of it must be there', async () => {
  const { keyId, arn } = await external()
  const [first, second] = [randomBytes(32), randomBytes(32)]
  const one = await importInto(keyId, first)
  const sealed = await encrypt(keyId)
  expect(await refusal(client.send(new RotateKeyOnDemandCommand({ KeyId: keyId })))).toStrictEqual({
    name: 'KMSInvalidStateException',
    message: `No available key material pending rotation for the key: ${arn}.`,
    status: 400,
  })
  const asNew = { ImportType: 'NEW_KEY_MATERIAL' } as const
  expect((await refusal(importInto(keyId, first, asNew))).name).toBe('IncorrectKeyMaterialException')
  const two = await importInto(keyId, second, asNew)
  expect((await refusal(importInto(keyId, randomBytes(32), asNew))).name).toBe('KMSInvalidStateException')
  expect(await rotationsOf(keyId)).toStrictEqual([
    [one.KeyMaterialId, 'CURRENT', 'IMPORTED'],
    [two.KeyMaterialId, 'PENDING_ROTATION', 'IMPORTED'],
  ])
  await client.send(new RotateKeyOnDemandCommand({ KeyId: keyId }))
  expect((await describeKey(keyId))?.CurrentKeyMaterialId).toBe(two.KeyMaterialId)
  const fresh = await encrypt(keyId)
  expect([await decrypt(sealed), await decrypt(fresh)]).toStrictEqual(['x', 'x'])
  await client.send(new DeleteImportedKeyMaterialCommand({ KeyId: keyId, KeyMaterialId: one.KeyMaterialId }))
  expect(await refusal(decrypt(fresh))).toStrictEqual(pendingImport(arn))
  expect(await rotationsOf(keyId)).toStrictEqual([
    [one.KeyMaterialId, 'NON_CURRENT', 'PENDING_IMPORT'],
    [two.KeyMaterialId, 'CURRENT', 'IMPORTED'],
  ])
  await importInto(keyId, first)
  expect(await decrypt(fresh)).toBe('x')
})

test('each Region of a multi-region key needs the material for itself', async () => {
  const { keyId, arn } = await external({ MultiRegion: true })
  const [first, second] = [randomBytes(32), randomBytes(32)]
  await importInto(keyId, first)
  await client.send(new ReplicateKeyCommand({ KeyId: keyId, ReplicaRegion: otherRegion }))
  now += 1_000
  const replicaArn = arn.replace(homeRegion, otherRegion)
  const sealed = await encrypt(keyId)
  expect(await refusal(decrypt(sealed, there))).toStrictEqual(pendingImport(replicaArn))
  expect((await refusal(importInto(keyId, second, {}, there))).name).toBe('IncorrectKeyMaterialException')
  await importInto(keyId, first, {}, there)
  expect(await decrypt(sealed, there)).toBe('x')

  const rotate = () => client.send(new RotateKeyOnDemandCommand({ KeyId: keyId }))
  await importInto(keyId, second, { ImportType: 'NEW_KEY_MATERIAL' })
  expect((await rotationsOf(keyId)).at(-1)?.[1]).toBe('PENDING_MULTI_REGION_IMPORT_AND_ROTATION')
  expect((await refusal(rotate())).name).toBe('KMSInvalidStateException')
  await importInto(keyId, second, {}, there)
  await rotate()
  expect(await decrypt(await encrypt(keyId), there)).toBe('x')

  await forget(keyId)
  expect(await refusal(encrypt(keyId))).toStrictEqual(pendingImport(arn))
  expect(await decrypt(await encrypt(keyId, there), there)).toBe('x')
})

test('imported material is not rotated on a schedule', async () => {
  const { keyId, arn } = await external()
  await importInto(keyId, randomBytes(32))
  expect((await refusal(client.send(new EnableKeyRotationCommand({ KeyId: keyId })))).message).toBe(
    `${arn} origin is EXTERNAL which is not valid for this operation.`,
  )
  const status = await client.send(new GetKeyRotationStatusCommand({ KeyId: keyId }))
  expect(status.KeyRotationEnabled).toBe(false)
})

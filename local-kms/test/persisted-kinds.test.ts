// Everything that a key can have survives a restart, and files of earlier versions still load.
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createHash, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  CreateGrantCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EncryptCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  type KMSClient,
  ListGrantsCommand,
  ListKeyRotationsCommand,
  RetireGrantCommand,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LocalKms, startLocalKms } from '../src/index.ts'
import { bytes, createClient, createKey, ownerAccount, strangerAccount, text } from './kms-under-test.ts'

let dataDir: string
let now = Date.now()
const open: { kms: LocalKms; clients: KMSClient[] }[] = []

beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'local-kms-kinds-'))
})
afterEach(async () => {
  await stop()
  rmSync(dataDir, { recursive: true })
})

async function start() {
  const kms = await startLocalKms({ dataDir, now: () => now })
  const clients = [createClient(kms.url), createClient(kms.url, { accessKeyId: strangerAccount })] as const
  open.push({ kms, clients: [...clients] })
  return { kms, admin: clients[0], stranger: clients[1] }
}

async function stop() {
  for (const { kms, clients } of open.splice(0)) {
    for (const client of clients) client.destroy()
    await kms.close()
  }
}

const encrypt = async (client: KMSClient, KeyId: string) =>
  (await client.send(new EncryptCommand({ KeyId, Plaintext: bytes('kept') }))).CiphertextBlob
const decrypt = async (client: KMSClient, CiphertextBlob: Uint8Array | undefined) =>
  text((await client.send(new DecryptCommand({ CiphertextBlob }))).Plaintext)

test('grants with their tokens, imported material with its parameters, stores, rotations and spreading changes', async () => {
  const before = await start()
  const { admin } = before
  const granted = await createKey(admin)
  const { GrantToken } = await admin.send(
    new CreateGrantCommand({
      KeyId: granted.keyId,
      GranteePrincipal: `arn:aws:iam::${strangerAccount}:root`,
      Operations: ['Encrypt', 'Decrypt'],
      Constraints: { EncryptionContextEquals: {} },
    }),
  )
  await admin.send(new RotateKeyOnDemandCommand({ KeyId: granted.keyId }))

  const external = await createKey(admin, { Origin: 'EXTERNAL' })
  const parameters = await admin.send(
    new GetParametersForImportCommand({
      KeyId: external.keyId,
      WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
      WrappingKeySpec: 'RSA_2048',
    }),
  )
  const publicKey = createPublicKey({
    key: Buffer.from(parameters.PublicKey ?? []),
    format: 'der',
    type: 'spki',
  })
  const importMaterial = (client: KMSClient, material: Buffer) =>
    client.send(
      new ImportKeyMaterialCommand({
        KeyId: external.keyId,
        ImportToken: parameters.ImportToken,
        EncryptedKeyMaterial: publicEncrypt({ key: publicKey, oaepHash: 'sha256' }, material),
        ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
      }),
    )
  const material = randomBytes(32)
  await importMaterial(admin, material)
  const sealed = await encrypt(admin, external.keyId)

  const { CustomKeyStoreId = '' } = await admin.send(
    new CreateCustomKeyStoreCommand({
      CustomKeyStoreName: 'kept',
      CloudHsmClusterId: 'cluster-abcdefghijk',
      TrustAnchorCertificate: 'certificate',
      KeyStorePassword: 'password',
    }),
  )
  await admin.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }))
  now += 200
  const inStore = await createKey(admin, { Origin: 'AWS_CLOUDHSM', CustomKeyStoreId })
  before.kms.propagation.delayMs = 60_000
  await admin.send(new DisableKeyCommand({ KeyId: inStore.keyId }))
  await stop()

  const { admin: after, stranger } = await start()
  await stranger.send(new EncryptCommand({ KeyId: granted.arn, Plaintext: bytes('x') }))
  const { Rotations } = await after.send(new ListKeyRotationsCommand({ KeyId: granted.keyId }))
  expect(Rotations).toHaveLength(1)
  await after.send(new RetireGrantCommand({ GrantToken }))
  expect((await after.send(new ListGrantsCommand({ KeyId: granted.keyId }))).Grants).toStrictEqual([])
  expect(await decrypt(after, sealed)).toBe('kept')
  await importMaterial(after, material)
  // The change was spreading when the process ended.
  expect(await decrypt(after, await encrypt(after, inStore.keyId))).toBe('kept')
  now += 60_000
  const { KeyMetadata } = await after.send(new DescribeKeyCommand({ KeyId: inStore.keyId }))
  expect(KeyMetadata).toMatchObject({ KeyState: 'Disabled', CustomKeyStoreId })
  await expect(encrypt(after, inStore.keyId)).rejects.toThrow('is disabled.')
})

test('a key file of the first version loads, and takes what is new', async () => {
  const first = await start()
  const { keyId } = await createKey(first.admin)
  const sealed = await encrypt(first.admin, keyId)
  await stop()
  const path = join(dataDir, 'keys', readdirSync(join(dataDir, 'keys'))[0] ?? '')
  const { content } = JSON.parse(readFileSync(path, 'utf8')) as { content: Record<string, unknown> }
  const known = ['account', 'keyId', 'spec', 'usage', 'multiRegion', 'primaryRegion', 'materials', 'regions']
  expect(Object.keys(content).toSorted()).toStrictEqual(known.toSorted())
  const [material] = content.materials as { id: string; secret: string }[]
  const old = { ...content, materials: [{ id: material?.id, secret: material?.secret }] }
  const sha256 = createHash('sha256').update(JSON.stringify(old)).digest('hex')
  writeFileSync(path, JSON.stringify({ format: 1, sha256, content: old }))

  const { admin } = await start()
  expect(await decrypt(admin, sealed)).toBe('kept')
  const grant = {
    GranteePrincipal: `arn:aws:iam::${ownerAccount}:root`,
    Operations: ['Encrypt' as const],
  }
  await admin.send(new CreateGrantCommand({ KeyId: keyId, ...grant }))
  await admin.send(new RotateKeyOnDemandCommand({ KeyId: keyId }))
  expect(await decrypt(admin, sealed)).toBe('kept')
})

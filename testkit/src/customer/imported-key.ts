// A customer's key whose material the customer imports, and can take away at once.
import {
  DeleteImportedKeyMaterialCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  type KMSClient,
} from '@aws-sdk/client-kms'
import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto'

/** The material of an AES key, for `importMaterial`. */
export function newMaterial(): Buffer {
  return randomBytes(32)
}

/** Imports material into a key with the origin `EXTERNAL`, in the region of the client. It must be the same each time. */
export async function importMaterial(kms: KMSClient, keyId: string, material: Buffer): Promise<void> {
  const { ImportToken: token, PublicKey: publicKey } = await kms.send(
    new GetParametersForImportCommand({
      KeyId: keyId,
      WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
      WrappingKeySpec: 'RSA_2048',
    }),
  )
  if (publicKey === undefined) throw new Error('the KMS answered no key for the import')
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  await kms.send(
    new ImportKeyMaterialCommand({
      KeyId: keyId,
      ImportToken: token,
      EncryptedKeyMaterial: publicEncrypt({ key, padding, oaepHash: 'sha256' }, material),
      ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
    }),
  )
}

/** Takes the material away in the region of the client. */
export async function deleteMaterial(kms: KMSClient, keyId: string): Promise<void> {
  await kms.send(new DeleteImportedKeyMaterialCommand({ KeyId: keyId }))
}

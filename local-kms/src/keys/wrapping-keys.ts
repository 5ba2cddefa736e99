// The RSA keys under which key material is wrapped for its import, and how it is unwrapped.
import {
  constants,
  createDecipheriv,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
} from 'node:crypto'
import { invalidCiphertext } from '../kms-error.ts'

export const wrappingKeySpecs = ['RSA_2048', 'RSA_3072', 'RSA_4096', 'SM2'] as const
export type WrappingKeySpec = (typeof wrappingKeySpecs)[number]

export const wrappingAlgorithms = [
  'RSAES_PKCS1_V1_5',
  'RSAES_OAEP_SHA_1',
  'RSAES_OAEP_SHA_256',
  'RSA_AES_KEY_WRAP_SHA_1',
  'RSA_AES_KEY_WRAP_SHA_256',
  'SM2PKE',
] as const

/** The first bytes of AES key wrap with padding (RFC 5649). */
const paddedWrapIv = Buffer.from('a65959a6', 'hex')

const pairs = new Map<WrappingKeySpec, KeyObject>()

/**
 * AWS makes a pair for every answer. One pair for each size and process looks the same from outside, and saves the
 * second that RSA_4096 takes.
 */
export function getWrappingKey(spec: WrappingKeySpec): KeyObject {
  let key = pairs.get(spec)
  if (key === undefined) {
    key = generateKeyPairSync('rsa', { modulusLength: Number(spec.slice('RSA_'.length)) }).privateKey
    pairs.set(spec, key)
  }
  return key
}

/** DER, as GetParametersForImport answers it. */
export function publicKeyOf(privateKey: KeyObject): Buffer {
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
}

/**
 * @param privateKey - PKCS #8 in base64
 * @throws KmsError InvalidCiphertextException for what is not wrapped under this key with this algorithm
 */
export function unwrapMaterial(privateKey: string, algorithm: string, wrapped: Buffer): Buffer {
  const key = createPrivateKey({ key: Buffer.from(privateKey, 'base64'), format: 'der', type: 'pkcs8' })
  const oaepHash = algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256'
  const decrypt = (bytes: Buffer): Buffer =>
    privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash }, bytes)
  try {
    if (algorithm.startsWith('RSAES_OAEP')) return decrypt(wrapped)
    // An ephemeral AES key under RSA, and the material under the AES key.
    const modulusBytes = (key.asymmetricKeyDetails?.modulusLength ?? 0) / 8
    const aesKey = decrypt(wrapped.subarray(0, modulusBytes))
    const decipher = createDecipheriv('id-aes256-wrap-pad', aesKey, paddedWrapIv)
    return Buffer.concat([decipher.update(wrapped.subarray(modulusBytes)), decipher.final()])
  } catch {
    throw invalidCiphertext()
  }
}

// The kinds of keys that can be created. Only keys of SYMMETRIC_DEFAULT can be used; the others exist so that a client
// can be tested for refusing them.
import { unsupportedOperation, validationError } from '../kms-error.ts'

export const keyUsages = ['ENCRYPT_DECRYPT', 'SIGN_VERIFY', 'GENERATE_VERIFY_MAC', 'KEY_AGREEMENT'] as const
export type KeyUsage = (typeof keyUsages)[number]

export const keySpecs = [
  'SYMMETRIC_DEFAULT',
  'RSA_2048',
  'RSA_3072',
  'RSA_4096',
  'ECC_NIST_P256',
  'ECC_NIST_P384',
  'ECC_NIST_P521',
  'ECC_SECG_P256K1',
  'HMAC_224',
  'HMAC_256',
  'HMAC_384',
  'HMAC_512',
  'SM2',
  'ML_DSA_44',
  'ML_DSA_65',
  'ML_DSA_87',
  'ECC_NIST_EDWARDS25519',
] as const
export type KeySpec = (typeof keySpecs)[number]

const rsaEncryption = ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256']
const rsaSigning = ['PKCS1_V1_5', 'PSS'].flatMap((padding) =>
  ['256', '384', '512'].map((bits) => `RSASSA_${padding}_SHA_${bits}`),
)
const ecdsaAlgorithms: Partial<Record<KeySpec, string>> = {
  ECC_NIST_P256: 'ECDSA_SHA_256',
  ECC_NIST_P384: 'ECDSA_SHA_384',
  ECC_NIST_P521: 'ECDSA_SHA_512',
  ECC_SECG_P256K1: 'ECDSA_SHA_256',
}

/** The algorithms, under the name that they have in key metadata; undefined when the spec has no such usage. */
export function algorithmsOf(spec: KeySpec, usage: KeyUsage): Record<string, string[]> | undefined {
  if (spec === 'SYMMETRIC_DEFAULT') {
    return usage === 'ENCRYPT_DECRYPT' ? { EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'] } : undefined
  }
  if (spec.startsWith('RSA_')) {
    if (usage === 'ENCRYPT_DECRYPT') return { EncryptionAlgorithms: rsaEncryption }
    return usage === 'SIGN_VERIFY' ? { SigningAlgorithms: rsaSigning } : undefined
  }
  if (spec.startsWith('HMAC_')) {
    const algorithm = `HMAC_SHA_${spec.slice('HMAC_'.length)}`
    return usage === 'GENERATE_VERIFY_MAC' ? { MacAlgorithms: [algorithm] } : undefined
  }
  const ecdsa = ecdsaAlgorithms[spec]
  if (ecdsa === undefined) return undefined
  if (usage === 'SIGN_VERIFY') return { SigningAlgorithms: [ecdsa] }
  const agrees = usage === 'KEY_AGREEMENT' && spec !== 'ECC_SECG_P256K1'
  return agrees ? { KeyAgreementAlgorithms: ['ECDH'] } : undefined
}

/**
 * Answers the usage of a new key; `wanted` is the one that the request names.
 *
 * @throws KmsError when AWS or local-kms has no such key
 */
export function chooseKeyUsage(spec: KeySpec, wanted: KeyUsage | undefined): KeyUsage {
  if (keyUsages.every((each) => algorithmsOf(spec, each) === undefined)) {
    throw unsupportedOperation(`Key spec ${spec} is not offered by local-kms.`)
  }
  if (wanted === undefined && spec !== 'SYMMETRIC_DEFAULT') {
    throw validationError(
      'You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.',
    )
  }
  const usage = wanted ?? 'ENCRYPT_DECRYPT'
  if (algorithmsOf(spec, usage) === undefined) {
    throw validationError(`KeyUsage ${usage} is not compatible with KeySpec ${spec}.`)
  }
  return usage
}

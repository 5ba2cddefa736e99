// Encrypt, Decrypt and ReEncrypt.
import type { Call, Operation } from './call.ts'
import { type EncryptionContext, open, readOrigin, seal } from '../keys/ciphertext.ts'
import { findKey } from './get-key.ts'
import type { Key, KeyMaterial } from '../keys/key-record.ts'
import { invalidCiphertext, KmsError, unreachableCiphertextKey, unsupportedOperation } from '../kms-error.ts'
import { permitOnKey } from './permit.ts'
import type { RequestFields } from './request-fields.ts'
import { requireEnabled, requireSymmetric } from './state-rules.ts'

const MAX_PLAINTEXT = 4096
const MAX_BLOB = 6144
const ALGORITHMS = ['SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE'] as const

export const encrypt: Operation = (call) => {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    plaintext: fields.requiredBytes('Plaintext', MAX_PLAINTEXT),
    context: fields.encryptionContext('EncryptionContext'),
    algorithm: algorithm(fields, 'EncryptionAlgorithm'),
    ...commonFields(fields),
  }))
  const key = findKey(call, request.keyId, 'any account')
  permitOnKey(call, 'Encrypt', key, 'any account', request.context)
  requireEnabled(call, key)
  requireSymmetric(call, key)
  requireSymmetricAlgorithm(key, request.algorithm)
  refuseDryRun(request.dryRun)
  return {
    CiphertextBlob: sealUnder(key, request.plaintext, request.context).toString('base64'),
    KeyId: key.arn,
    EncryptionAlgorithm: request.algorithm,
  }
}

export const decrypt: Operation = (call) => {
  const request = call.fields.read((fields) => ({
    blob: fields.requiredBytes('CiphertextBlob', MAX_BLOB),
    keyId: fields.keyId('KeyId'),
    context: fields.encryptionContext('EncryptionContext'),
    algorithm: algorithm(fields, 'EncryptionAlgorithm'),
    ...commonFields(fields),
  }))
  const { key, material } = findSource(call, request.blob, request.keyId)
  permitOnKey(call, 'Decrypt', key, 'any account', request.context)
  requireEnabled(call, key)
  requireSymmetricAlgorithm(key, request.algorithm)
  const plaintext = open(material, request.blob, request.context)
  refuseDryRun(request.dryRun)
  return {
    KeyId: key.arn,
    Plaintext: plaintext.toString('base64'),
    EncryptionAlgorithm: request.algorithm,
    KeyMaterialId: material.id,
  }
}

export const reEncrypt: Operation = (call) => {
  const request = call.fields.read((fields) => ({
    blob: fields.requiredBytes('CiphertextBlob', MAX_BLOB),
    sourceKeyId: fields.keyId('SourceKeyId'),
    sourceContext: fields.encryptionContext('SourceEncryptionContext'),
    sourceAlgorithm: algorithm(fields, 'SourceEncryptionAlgorithm'),
    destinationKeyId: fields.requiredKeyId('DestinationKeyId'),
    destinationContext: fields.encryptionContext('DestinationEncryptionContext'),
    destinationAlgorithm: algorithm(fields, 'DestinationEncryptionAlgorithm'),
    ...commonFields(fields),
  }))
  const source = findSource(call, request.blob, request.sourceKeyId)
  const destination = findKey(call, request.destinationKeyId, 'any account')
  permitOnKey(call, 'ReEncryptFrom', source.key, 'any account', request.sourceContext)
  permitOnKey(call, 'ReEncryptTo', destination, 'any account', request.destinationContext)
  requireEnabled(call, source.key)
  requireEnabled(call, destination)
  requireSymmetric(call, destination)
  requireSymmetricAlgorithm(source.key, request.sourceAlgorithm)
  requireSymmetricAlgorithm(destination, request.destinationAlgorithm)
  const plaintext = open(source.material, request.blob, request.sourceContext)
  refuseDryRun(request.dryRun)
  return {
    CiphertextBlob: sealUnder(destination, plaintext, request.destinationContext).toString('base64'),
    SourceKeyId: source.key.arn,
    KeyId: destination.arn,
    SourceEncryptionAlgorithm: request.sourceAlgorithm,
    DestinationEncryptionAlgorithm: request.destinationAlgorithm,
    SourceKeyMaterialId: source.material.id,
    DestinationKeyMaterialId: currentMaterial(destination).id,
  }
}

export function sealUnder(key: Key, plaintext: Buffer, context: EncryptionContext): Buffer {
  const { account, keyId } = key.record
  return seal(account, keyId, currentMaterial(key), plaintext, context)
}

export function currentMaterial(key: Key): KeyMaterial {
  const material = key.record.materials.at(-1)
  if (material === undefined) throw new Error(`${key.arn} has no key material`)
  return material
}

/** What all operations with a context take; grants do not exist here, so their tokens have no effect. */
export function commonFields(fields: RequestFields) {
  fields.texts('GrantTokens', { max: 10 })
  if (fields.has('Recipient')) throw unsupportedOperation('Nitro enclaves are not offered by local-kms.')
  return { dryRun: fields.flag('DryRun') }
}

/** @throws KmsError DryRunOperationException at the point where only the work itself is left. */
export function refuseDryRun(dryRun: boolean): void {
  if (!dryRun) return
  throw new KmsError(
    'DryRunOperationException',
    'The request would have succeeded, but the DryRun option is set.',
  )
}

function algorithm(fields: RequestFields, name: string): (typeof ALGORITHMS)[number] {
  return fields.choice(name, ALGORITHMS) ?? 'SYMMETRIC_DEFAULT'
}

function requireSymmetricAlgorithm(key: Key, name: string): void {
  if (name === 'SYMMETRIC_DEFAULT') return
  throw new KmsError(
    'InvalidKeyUsageException',
    `Algorithm ${name} is incompatible with key spec ${key.record.spec}.`,
  )
}

function findSource(
  call: Call,
  blob: Buffer,
  keyId: string | undefined,
): { key: Key; material: KeyMaterial } {
  const named = keyId === undefined ? undefined : findKey(call, keyId, 'any account')
  const origin = readOrigin(blob)
  if (
    named !== undefined &&
    !(named.record.keyId === origin.keyId && named.record.account === origin.account)
  ) {
    throw new KmsError(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    )
  }
  const key = named ?? call.store.find(origin.account, origin.keyId, call.region)
  if (key === undefined) throw unreachableCiphertextKey()
  const material = key.record.materials.find((one) => one.id === origin.materialId)
  if (material === undefined) throw invalidCiphertext()
  return { key, material }
}

// Encrypt, Decrypt and ReEncrypt.
import { type EncryptionContext, open, parseOrigin, seal } from '../keys/ciphertext.ts'
import { currentMaterial, materialsOf } from '../keys/key-material.ts'
import type { Key } from '../keys/key-record.ts'
import { invalidCiphertext, KmsError } from '../kms-error.ts'
import type { Call } from './call.ts'
import { commonCryptoFields, refuseDryRun } from './crypto-fields.ts'
import { getKey, getPermittedKey } from './get-key.ts'
import { invalidCiphertextOf } from './key-stores/require-backing.ts'
import { permitOnKey, unreachableKey } from './permit.ts'
import type { RequestFields } from '../fields/request-fields.ts'
import { requireUsable, requireSymmetric, requireSymmetricAlgorithm } from './state-rules.ts'

const maxPlaintextBytes = 4_096
const maxCiphertextBytes = 6_144
const algorithms = ['SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE'] as const

export const cryptoOperations = { Encrypt: encrypt, Decrypt: decrypt, ReEncrypt: reEncrypt }

function encrypt(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    plaintext: fields.requiredBytes('Plaintext', maxPlaintextBytes),
    context: fields.encryptionContext('EncryptionContext'),
    algorithm: algorithmField(fields, 'EncryptionAlgorithm'),
    ...commonCryptoFields(fields),
  }))
  const key = getPermittedKey(call, request.keyId, 'any account', request.context)
  requireUsable(call, key, 'encrypt')
  requireSymmetric(call, key)
  requireSymmetricAlgorithm(key, request.algorithm)
  refuseDryRun(request.dryRun)
  return {
    CiphertextBlob: seal(key, request.plaintext, request.context).toString('base64'),
    KeyId: key.arn,
    EncryptionAlgorithm: request.algorithm,
  }
}

function decrypt(call: Call): object {
  const request = call.fields.read((fields) => ({
    blob: fields.requiredBytes('CiphertextBlob', maxCiphertextBytes),
    keyId: fields.keyId('KeyId'),
    context: fields.encryptionContext('EncryptionContext'),
    algorithm: algorithmField(fields, 'EncryptionAlgorithm'),
    ...commonCryptoFields(fields),
  }))
  const source = getSource(call, 'Decrypt', request.blob, request.keyId)
  const { key } = source
  permitOnKey(call, 'Decrypt', key, 'any account', {
    context: request.context,
    isFromCiphertext: request.keyId === undefined,
  })
  requireUsable(call, key, 'decrypt')
  requireSymmetricAlgorithm(key, request.algorithm)
  const { material, plaintext } = openSource(source, request.blob, request.context)
  refuseDryRun(request.dryRun)
  return {
    KeyId: key.arn,
    Plaintext: plaintext.toString('base64'),
    EncryptionAlgorithm: request.algorithm,
    KeyMaterialId: material.id,
  }
}

function reEncrypt(call: Call): object {
  const request = call.fields.read((fields) => ({
    blob: fields.requiredBytes('CiphertextBlob', maxCiphertextBytes),
    sourceKeyId: fields.keyId('SourceKeyId'),
    sourceContext: fields.encryptionContext('SourceEncryptionContext'),
    sourceAlgorithm: algorithmField(fields, 'SourceEncryptionAlgorithm'),
    destinationKeyId: fields.requiredKeyId('DestinationKeyId'),
    destinationContext: fields.encryptionContext('DestinationEncryptionContext'),
    destinationAlgorithm: algorithmField(fields, 'DestinationEncryptionAlgorithm'),
    ...commonCryptoFields(fields),
  }))
  const source = getSource(call, 'ReEncryptFrom', request.blob, request.sourceKeyId)
  const destination = getKey(call, request.destinationKeyId, 'any account')
  permitOnKey(call, 'ReEncryptFrom', source.key, 'any account', {
    context: request.sourceContext,
    isFromCiphertext: request.sourceKeyId === undefined,
  })
  permitOnKey(call, 'ReEncryptTo', destination, 'any account', { context: request.destinationContext })
  requireUsable(call, source.key, 'decrypt')
  requireUsable(call, destination, 'encrypt')
  requireSymmetric(call, destination)
  requireSymmetricAlgorithm(source.key, request.sourceAlgorithm)
  requireSymmetricAlgorithm(destination, request.destinationAlgorithm)
  const { material, plaintext } = openSource(source, request.blob, request.sourceContext)
  refuseDryRun(request.dryRun)
  return {
    CiphertextBlob: seal(destination, plaintext, request.destinationContext).toString('base64'),
    SourceKeyId: source.key.arn,
    KeyId: destination.arn,
    SourceEncryptionAlgorithm: request.sourceAlgorithm,
    DestinationEncryptionAlgorithm: request.destinationAlgorithm,
    SourceKeyMaterialId: material.id,
    DestinationKeyMaterialId: currentMaterial(destination).id,
  }
}

function algorithmField(fields: RequestFields, name: string): (typeof algorithms)[number] {
  return fields.choice(name, algorithms) ?? 'SYMMETRIC_DEFAULT'
}

/** The key and the material that a ciphertext is under. */
interface Source {
  key: Key
  materialId: string
}

/** Finds them; `keyId` is the key that the request names, if any. */
function getSource(call: Call, action: string, blob: Buffer, keyId: string | undefined): Source {
  const named = keyId === undefined ? undefined : getKey(call, keyId, 'any account')
  const { account, keyId: sourceKeyId, materialId } = parseOrigin(blob)
  if (named !== undefined && (named.record.keyId !== sourceKeyId || named.record.account !== account)) {
    throw new KmsError(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    )
  }
  const key = named ?? call.store.find(account, sourceKeyId, call.region)
  if (key === undefined) throw unreachableKey(call, action)
  return { key, materialId }
}

/** To be called when the state of the key is known to be good. */
function openSource({ key, materialId }: Source, blob: Buffer, context: EncryptionContext) {
  try {
    const material = materialsOf(key).find(({ id }) => id === materialId)
    if (material === undefined) throw invalidCiphertext()
    return { material, plaintext: open(material, blob, context) }
  } catch (error) {
    throw invalidCiphertextOf(key, error)
  }
}

// GenerateDataKey and GenerateDataKeyWithoutPlaintext.
import { randomBytes } from 'node:crypto'
import { seal } from '../keys/ciphertext.ts'
import { currentMaterial } from '../keys/key-material.ts'
import { validationError } from '../kms-error.ts'
import type { Call } from './call.ts'
import { commonCryptoFields, refuseDryRun } from './crypto-fields.ts'
import { getPermittedKey } from './get-key.ts'
import { requireUsable, requireSymmetric } from './state-rules.ts'

const bytesOf = { AES_256: 32, AES_128: 16 } as const

export const dataKeyOperations = {
  GenerateDataKey: generateDataKey,
  GenerateDataKeyWithoutPlaintext: generateDataKeyWithoutPlaintext,
}

function generateDataKey(call: Call): object {
  const { dataKey, answer } = generate(call)
  return { ...answer, Plaintext: dataKey.toString('base64') }
}

function generateDataKeyWithoutPlaintext(call: Call): object {
  return generate(call).answer
}

function generate(call: Call) {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    context: fields.encryptionContext('EncryptionContext'),
    spec: fields.choice('KeySpec', ['AES_256', 'AES_128']),
    bytes: fields.integer('NumberOfBytes', { min: 1, max: 1024 }),
    ...commonCryptoFields(fields),
  }))
  const bytes = request.spec === undefined ? request.bytes : bytesOf[request.spec]
  if (bytes === undefined || (request.spec !== undefined && request.bytes !== undefined)) {
    throw validationError('Please specify either number of bytes or key spec.')
  }
  const key = getPermittedKey(call, request.keyId, 'any account', request.context)
  requireUsable(call, key, 'encrypt')
  requireSymmetric(call, key)
  refuseDryRun(request.dryRun)
  const dataKey = randomBytes(bytes)
  const answer = {
    CiphertextBlob: seal(key, dataKey, request.context).toString('base64'),
    KeyId: key.arn,
    KeyMaterialId: currentMaterial(key).id,
  }
  return { dataKey, answer }
}

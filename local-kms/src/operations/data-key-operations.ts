// GenerateDataKey and GenerateDataKeyWithoutPlaintext.
import { randomBytes } from 'node:crypto'
import type { Call, Operation } from './call.ts'
import { findKey } from './get-key.ts'
import { validationError } from '../kms-error.ts'
import { permitOnKey } from './permit.ts'
import { commonFields, currentMaterial, refuseDryRun, sealUnder } from './crypto-operations.ts'
import { requireEnabled, requireSymmetric } from './state-rules.ts'

const BYTES_OF = { AES_256: 32, AES_128: 16 } as const

export const generateDataKey: Operation = (call) => {
  const { dataKey, answer } = generate(call, 'GenerateDataKey')
  return { ...answer, Plaintext: dataKey.toString('base64') }
}

export const generateDataKeyWithoutPlaintext: Operation = (call) => {
  return generate(call, 'GenerateDataKeyWithoutPlaintext').answer
}

function generate(call: Call, action: string) {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    context: fields.encryptionContext('EncryptionContext'),
    spec: fields.choice('KeySpec', ['AES_256', 'AES_128']),
    size: fields.integer('NumberOfBytes', { min: 1, max: 1024 }),
    ...commonFields(fields),
  }))
  const size = request.spec === undefined ? request.size : BYTES_OF[request.spec]
  if (size === undefined || (request.spec !== undefined && request.size !== undefined)) {
    throw validationError('Please specify either number of bytes or key spec.')
  }
  const key = findKey(call, request.keyId, 'any account')
  permitOnKey(call, action, key, 'any account', request.context)
  requireEnabled(call, key)
  requireSymmetric(call, key)
  refuseDryRun(request.dryRun)
  const dataKey = randomBytes(size)
  const answer = {
    CiphertextBlob: sealUnder(key, dataKey, request.context).toString('base64'),
    KeyId: key.arn,
    KeyMaterialId: currentMaterial(key).id,
  }
  return { dataKey, answer }
}

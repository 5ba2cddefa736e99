// GetParametersForImport: a wrapping key and an import token, which belong together and to one key in one Region.
import { randomBytes } from 'node:crypto'
import { dayMs, type ImportParameters, type Key } from '../../keys/key-record.ts'
import {
  getWrappingKey,
  publicKeyOf,
  wrappingAlgorithms,
  wrappingKeySpecs,
} from '../../keys/wrapping-keys.ts'
import { KmsError, unsupportedOperation } from '../../kms-error.ts'
import type { Call } from '../call.ts'
import { getPermittedKey } from '../get-key.ts'
import { toSeconds } from '../key-metadata.ts'
import { requireNotPending, requireOrigin } from '../state-rules.ts'

const tokenPrefix = Buffer.from('local-kms-import:')
const tokenIdBytes = 32
// More answers than a test holds at a time. Older tokens are unknown, as if they were for another key.
const maxParameters = 10

export const importParameters = { GetParametersForImport: getParametersForImport }

function getParametersForImport(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    algorithm: fields.requiredChoice('WrappingAlgorithm', wrappingAlgorithms),
    spec: fields.requiredChoice('WrappingKeySpec', wrappingKeySpecs),
  }))
  const { algorithm, spec } = request
  const key = getPermittedKey(call, request.keyId, 'own account')
  requireOrigin(key, 'EXTERNAL')
  requireNotPending(call, key)
  if (algorithm === 'RSAES_PKCS1_V1_5' || algorithm === 'SM2PKE' || spec === 'SM2') {
    throw unsupportedOperation(`Wrapping with ${algorithm} under ${spec} is not supported.`)
  }
  const privateKey = getWrappingKey(spec)
  const tokenId = randomBytes(tokenIdBytes)
  const parameters: ImportParameters = {
    tokenId: tokenId.toString('hex'),
    algorithm,
    privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
    validTo: call.nowMs + dayMs,
  }
  const kept = (key.local.importParameters ?? []).slice(1 - maxParameters)
  call.store.change(key, { importParameters: [...kept, parameters] })
  return {
    KeyId: key.arn,
    ImportToken: Buffer.concat([tokenPrefix, tokenId]).toString('base64'),
    PublicKey: publicKeyOf(privateKey).toString('base64'),
    ParametersValidTo: toSeconds(parameters.validTo),
  }
}

/** @throws KmsError InvalidImportTokenException, ExpiredImportTokenException */
export function getImportParameters(call: Call, key: Key, token: Buffer): ImportParameters {
  const hasForm = token.subarray(0, tokenPrefix.length).equals(tokenPrefix)
  const tokenId = token.toString('hex', tokenPrefix.length)
  const parameters = key.local.importParameters?.find((each) => hasForm && each.tokenId === tokenId)
  if (parameters === undefined) {
    throw new KmsError(
      'InvalidImportTokenException',
      'The import token is invalid or is associated with a different KMS key.',
    )
  }
  if (parameters.validTo <= call.nowMs) {
    throw new KmsError('ExpiredImportTokenException', 'The import token is expired.')
  }
  return parameters
}

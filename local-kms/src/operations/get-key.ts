// The key that a request names, and the permission to use it.
import type { EncryptionContext } from '../keys/ciphertext.ts'
import { findKey, parseKeyName } from '../keys/find-key.ts'
import type { Key } from '../keys/key-record.ts'
import { encodeKmsArn } from '../keys/kms-arn.ts'
import { notFound } from '../kms-error.ts'
import { hiddenFrom } from '../policy/denial.ts'
import type { Call, Reach } from './call.ts'
import { permitOnKey } from './permit.ts'

/** @throws KmsError NotFoundException, InvalidArnException, or AccessDeniedException for foreign keys */
export function getKey(call: Call, keyId: string, reach: Reach): Key {
  const { caller, region, operation, store } = call
  const name = parseKeyName(keyId, caller.account, region)
  const isAlias = name.resource.startsWith('alias/')
  if (reach === 'own account' && isAlias) throw notFound(`Invalid keyId '${keyId}'`)
  const key = findKey(store, name)
  if (key !== undefined) return key
  const arn = encodeKmsArn(name)
  // AWS does not tell whether a key of another account exists.
  if (name.account !== caller.account) throw hiddenFrom({ caller, action: `kms:${operation}`, resource: arn })
  throw notFound(isAlias ? `Alias ${arn} is not found.` : `Key '${arn}' does not exist`)
}

/**
 * Gets the key for an operation that needs one permission on it: the permission of the operation's name.
 *
 * @throws KmsError NotFoundException, InvalidArnException, AccessDeniedException
 */
export function getPermittedKey(call: Call, keyId: string, reach: Reach, context?: EncryptionContext): Key {
  const key = getKey(call, keyId, reach)
  permitOnKey(call, call.operation, key, reach, { context })
  return key
}

/**
 * Reads the key id, and gets the key for an operation on a key of the caller's own account.
 *
 * @throws KmsError ValidationException, NotFoundException, InvalidArnException, AccessDeniedException
 */
export function readPermittedKey(call: Call): Key {
  const keyId = call.fields.read((fields) => fields.requiredKeyId('KeyId'))
  return getPermittedKey(call, keyId, 'own account')
}

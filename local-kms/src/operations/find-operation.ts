// Every operation that is offered, under the name that X-Amz-Target calls it.
import type { Operation } from './call.ts'
import { KmsError, unsupportedOperation } from '../kms-error.ts'
import { OPERATIONS_NOT_OFFERED } from '../policy/key-policy-actions.ts'
import { createAlias, deleteAlias, listAliases, updateAlias } from './alias-operations.ts'
import { decrypt, encrypt, reEncrypt } from './crypto-operations.ts'
import { generateDataKey, generateDataKeyWithoutPlaintext } from './data-key-operations.ts'
import { getKeyPolicy, listKeyPolicies, putKeyPolicy } from './policy-operations.ts'
import { createKey, describeKey, listKeys, updateKeyDescription } from './key-operations.ts'
import { cancelKeyDeletion, disableKey, enableKey, scheduleKeyDeletion } from './lifecycle-operations.ts'
import { replicateKey } from './replication-operations.ts'
import { disableKeyRotation, enableKeyRotation, getKeyRotationStatus, rotateKeyOnDemand } from './rotation-operations.ts'
import { listResourceTags, tagResource, untagResource } from './tag-operations.ts'

const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ['CancelKeyDeletion', cancelKeyDeletion],
  ['CreateAlias', createAlias],
  ['CreateKey', createKey],
  ['Decrypt', decrypt],
  ['DeleteAlias', deleteAlias],
  ['DescribeKey', describeKey],
  ['DisableKey', disableKey],
  ['DisableKeyRotation', disableKeyRotation],
  ['EnableKey', enableKey],
  ['EnableKeyRotation', enableKeyRotation],
  ['Encrypt', encrypt],
  ['GenerateDataKey', generateDataKey],
  ['GenerateDataKeyWithoutPlaintext', generateDataKeyWithoutPlaintext],
  ['GetKeyPolicy', getKeyPolicy],
  ['GetKeyRotationStatus', getKeyRotationStatus],
  ['ListAliases', listAliases],
  ['ListKeyPolicies', listKeyPolicies],
  ['ListKeys', listKeys],
  ['ListResourceTags', listResourceTags],
  ['PutKeyPolicy', putKeyPolicy],
  ['ReEncrypt', reEncrypt],
  ['ReplicateKey', replicateKey],
  ['RotateKeyOnDemand', rotateKeyOnDemand],
  ['ScheduleKeyDeletion', scheduleKeyDeletion],
  ['TagResource', tagResource],
  ['UntagResource', untagResource],
  ['UpdateAlias', updateAlias],
  ['UpdateKeyDescription', updateKeyDescription],
])

/** @throws KmsError for what AWS KMS does not have and for what local-kms does not offer. */
export function findOperation(name: string): Operation {
  const operation = OPERATIONS.get(name)
  if (operation !== undefined) return operation
  if (OPERATIONS_NOT_OFFERED.has(name)) throw unsupportedOperation(`${name} is not offered by local-kms.`)
  throw new KmsError('UnknownOperationException')
}

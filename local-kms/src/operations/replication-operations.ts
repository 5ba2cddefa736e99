// ReplicateKey: the same key id and material in another Region, with a policy, tags and state of its own.
import { withRegion } from '../keys/key-record.ts'
import { maxRegionCharacters, regionPattern } from '../keys/kms-arn.ts'
import { partitionOf } from '../keys/partition.ts'
import { KmsError, unsupportedOperation, validationError } from '../kms-error.ts'
import type { Call } from './call.ts'
import { checkTags } from './check-tags.ts'
import { getPermittedKey } from './get-key.ts'
import { keyMetadata } from './key-metadata.ts'
import { createRegionalKey, newKeyFields, permitNewKey, putNewKey } from './new-key.ts'
import { requireEnabled, requirePrimary, requireSettled } from './state-rules.ts'

const regionLimits = { min: 1, max: maxRegionCharacters, pattern: regionPattern }

// A client that does not wait so long gets KMSInvalidStateException, as it would from AWS.
const creatingMs = 200

export const replicationOperations = { ReplicateKey: replicateKey }

function replicateKey(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    region: fields.requiredText('ReplicaRegion', regionLimits),
    ...newKeyFields(fields),
  }))
  checkTags(request.tags)
  const primary = getPermittedKey(call, request.keyId, 'own account')
  const inReplicaRegion = { ...call, region: request.region }
  permitNewKey(inReplicaRegion, request.tags)
  if (call.optOuts.has(call.caller.account, request.region)) {
    throw unsupportedOperation(`The Region ${request.region} is not enabled for this account.`)
  }
  const { record } = primary
  requirePrimary(primary)
  requireEnabled(call, primary)
  requireSettled(call, primary)
  if (request.region === call.region) {
    throw validationError('ReplicaRegion must be different from the Region of the primary key.')
  }
  if (partitionOf(request.region) !== partitionOf(call.region)) {
    throw validationError(`The Region ${request.region} is not in the partition of the primary key.`)
  }
  if (record.regions[request.region] !== undefined) {
    throw new KmsError(
      'AlreadyExistsException',
      `Unable to replicate key ${primary.arn} to region ${request.region}, as the key already exist there`,
    )
  }
  const local = createRegionalKey(inReplicaRegion, request, call.nowMs + creatingMs)
  const replica = putNewKey(inReplicaRegion, withRegion(record, request.region, local), request)
  return {
    // AWS names the material in every other description of a key.
    ReplicaKeyMetadata: { ...keyMetadata(replica, call.nowMs), CurrentKeyMaterialId: undefined },
    ReplicaPolicy: local.policy,
    ReplicaTags: request.tags.length > 0 ? request.tags : undefined,
  }
}

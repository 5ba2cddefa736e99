// ReplicateKey: the same key id and material in another Region, with a policy, tags and state of its own.
import type { Operation } from './call.ts'
import { findKey } from './get-key.ts'
import { keyMetadata } from './key-metadata.ts'
import { keyIn, withRegion } from '../keys/key-record.ts'
import { KmsError, unsupportedOperation, validationError } from '../kms-error.ts'
import { permitInAccount, permitOnKey } from './permit.ts'
import { acceptPolicy, defaultPolicy, policyField } from './policy-operations.ts'
import { MAX_DESCRIPTION } from './key-operations.ts'
import { checkTags } from './tag-operations.ts'
import { requireEnabled } from './state-rules.ts'

// Long enough that a client which does not wait gets KMSInvalidStateException, as it would from AWS.
const CREATING_MS = 200

export const replicateKey: Operation = (call) => {
  const { caller, store, now } = call
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    region: fields.requiredText('ReplicaRegion', { min: 1, max: 32, pattern: /^([a-z]+-){2,3}\d+$/ }),
    description: fields.text('Description', { max: MAX_DESCRIPTION }) ?? '',
    policy: policyField(fields),
    bypass: fields.flag('BypassPolicyLockoutSafetyCheck'),
    tags: fields.tags('Tags') ?? [],
  }))
  checkTags(request.tags)
  const primary = findKey(call, request.keyId, 'own account')
  permitOnKey(call, 'ReplicateKey', primary, 'own account')
  const inReplicaRegion = { ...call, region: request.region }
  permitInAccount(inReplicaRegion, 'CreateKey')
  if (request.tags.length > 0) permitInAccount(inReplicaRegion, 'TagResource')
  const { record } = primary
  if (!record.multiRegion || record.primaryRegion !== call.region) {
    throw unsupportedOperation(`${primary.arn} is not a multi-region primary key.`)
  }
  requireEnabled(call, primary)
  if (request.region === call.region) {
    throw validationError('ReplicaRegion must be different from the Region of the primary key.')
  }
  if (record.regions[request.region] !== undefined) {
    throw new KmsError(
      'AlreadyExistsException',
      `Unable to replicate key ${primary.arn} to region ${request.region}, as the key already exist there`,
    )
  }
  const policy = request.policy ?? defaultPolicy(caller.account)
  const changed = withRegion(record, request.region, {
    created: now,
    readyAt: now + CREATING_MS,
    description: request.description,
    enabled: true,
    policy,
    tags: request.tags,
  })
  const replica = keyIn(changed, request.region)
  if (replica === undefined) throw new Error('the new replica is not in its Region')
  if (request.policy !== undefined) acceptPolicy(inReplicaRegion, replica, policy, request.bypass)
  store.put(changed)
  return {
    ReplicaKeyMetadata: keyMetadata(replica, now),
    ReplicaPolicy: policy,
    ReplicaTags: request.tags.length > 0 ? request.tags : undefined,
  }
}

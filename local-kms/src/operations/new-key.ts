// A new key, or a new replica, in one Region: the parts that CreateKey and ReplicateKey share.
import { type Key, keyIn, type KeyRecord, type RegionalKey, type Tag } from '../keys/key-record.ts'
import type { Call } from './call.ts'
import { checkKeyPolicy, defaultKeyPolicy, keyPolicyLimits } from './key-policy.ts'
import { permitInAccount } from './permit.ts'
import type { RequestFields } from '../fields/request-fields.ts'

export const descriptionLimits = { max: 8_192 }

export interface NewKeyRequest {
  description: string
  /** Absent: the default policy. */
  policy: string | undefined
  bypass: boolean
  tags: readonly Tag[]
}

export function newKeyFields(fields: RequestFields): NewKeyRequest {
  return {
    description: fields.text('Description', descriptionLimits) ?? '',
    policy: fields.text('Policy', keyPolicyLimits),
    bypass: fields.flag('BypassPolicyLockoutSafetyCheck'),
    tags: fields.tags('Tags') ?? [],
  }
}

/**
 * Asks whether the caller may create such a key in the Region of the call.
 *
 * @throws KmsError AccessDeniedException
 */
export function permitNewKey(call: Call, tags: readonly Tag[]): void {
  permitInAccount(call, 'CreateKey')
  if (tags.length > 0) permitInAccount(call, 'TagResource')
}

export function createRegionalKey(call: Call, request: NewKeyRequest, readyAt: number): RegionalKey {
  return {
    created: call.nowMs,
    readyAt,
    description: request.description,
    enabled: true,
    policy: request.policy ?? defaultKeyPolicy(call.caller.account, call.region),
    tags: request.tags,
  }
}

/**
 * Checks the policy of the key in the call's Region, stores the record, and answers the key.
 *
 * @throws KmsError LimitExceededException, MalformedPolicyDocumentException
 */
export function putNewKey(call: Call, record: KeyRecord, { policy, bypass }: NewKeyRequest): Key {
  const key = keyIn(record, call.region)
  if (key === undefined) throw new Error('the new key is not in its Region')
  if (policy !== undefined) checkKeyPolicy(call, key, policy, bypass)
  call.store.put(record)
  return key
}

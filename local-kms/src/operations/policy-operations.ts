// GetKeyPolicy, PutKeyPolicy and ListKeyPolicies, and what a new key's policy must satisfy.
import type { Call, Operation } from './call.ts'
import { findKey } from './get-key.ts'
import type { Key } from '../keys/key-record.ts'
import { KmsError, malformedPolicy, notFound } from '../kms-error.ts'
import { keepsControl, permitOnKey } from './permit.ts'
import { parsePolicy } from '../policy/parse-policy.ts'
import type { RequestFields } from './request-fields.ts'
import { page, pageFields } from './pages.ts'
import { requireCreated } from './state-rules.ts'

// The service model takes 131,072 characters; the service itself stops at 32 KB.
const MAX_POLICY_BYTES = 32_768

// eslint-disable-next-line no-control-regex -- the characters that the service model allows
const POLICY_TEXT = { min: 1, max: 131_072, pattern: /^[\u0009\u000A\u000D\u0020-\u00FF]+$/ }
const POLICY_NAME = { min: 1, max: 128, pattern: /^[\w]+$/ }

export const getKeyPolicy: Operation = (call) => {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    name: fields.text('PolicyName', POLICY_NAME) ?? 'default',
  }))
  const key = findKey(call, request.keyId, 'own account')
  permitOnKey(call, 'GetKeyPolicy', key, 'own account')
  requireDefault(request.name)
  return { Policy: key.local.policy, PolicyName: 'default' }
}

export const putKeyPolicy: Operation = (call) => {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    name: fields.text('PolicyName', POLICY_NAME) ?? 'default',
    policy: fields.requiredText('Policy', POLICY_TEXT),
    bypass: fields.flag('BypassPolicyLockoutSafetyCheck'),
  }))
  const key = findKey(call, request.keyId, 'own account')
  permitOnKey(call, 'PutKeyPolicy', key, 'own account')
  requireCreated(call, key)
  requireDefault(request.name)
  acceptPolicy(call, key, request.policy, request.bypass)
  call.store.change(key, { policy: request.policy })
  return {}
}

export const listKeyPolicies: Operation = (call) => {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    ...pageFields(fields, { max: 1000, usual: 100 }),
  }))
  const key = findKey(call, request.keyId, 'own account')
  permitOnKey(call, 'ListKeyPolicies', key, 'own account')
  const { items, ...more } = page(['default'], (name) => name, request)
  return { PolicyNames: items, ...more }
}

export function policyField(fields: RequestFields): string | undefined {
  return fields.text('Policy', POLICY_TEXT)
}

/** @throws KmsError when the policy is malformed, too long, or would lock its author out. */
export function acceptPolicy(call: Call, key: Key, text: string, bypass: boolean): void {
  if (Buffer.byteLength(text) > MAX_POLICY_BYTES) {
    throw new KmsError('LimitExceededException', `Policy exceeds ${MAX_POLICY_BYTES} bytes.`)
  }
  const policy = parsePolicy(text, 'key')
  if (!bypass && !keepsControl(call, key, policy)) {
    throw malformedPolicy('The new key policy will not allow you to update the key policy in the future.')
  }
}

/** Character for character the policy that AWS gives a key made without one. */
export function defaultPolicy(account: string): string {
  return `{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:aws:iam::${account}:root"
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`
}

function requireDefault(name: string): void {
  if (name !== 'default') throw notFound('No such policy exists')
}

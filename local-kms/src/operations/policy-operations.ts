// GetKeyPolicy, PutKeyPolicy and ListKeyPolicies.
import { notFound } from '../kms-error.ts'
import type { Call } from './call.ts'
import { getPermittedKey } from './get-key.ts'
import { checkKeyPolicy, keyPolicyLimits } from './key-policy.ts'
import { page, pageFields } from './pages.ts'
import type { RequestFields } from '../fields/request-fields.ts'
import { requireCreated } from './state-rules.ts'

/** The only name that a policy can have. */
const defaultName = 'default'

export const policyOperations = {
  GetKeyPolicy: getKeyPolicy,
  PutKeyPolicy: putKeyPolicy,
  ListKeyPolicies: listKeyPolicies,
}

function getKeyPolicy(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    name: policyNameField(fields),
  }))
  const key = getPermittedKey(call, request.keyId, 'own account')
  requireDefaultName(request.name)
  return { Policy: key.local.policy, PolicyName: defaultName }
}

function putKeyPolicy(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    name: policyNameField(fields),
    policy: fields.requiredText('Policy', keyPolicyLimits),
    bypass: fields.flag('BypassPolicyLockoutSafetyCheck'),
  }))
  const key = getPermittedKey(call, request.keyId, 'own account')
  requireCreated(call, key)
  requireDefaultName(request.name)
  checkKeyPolicy(call, key, request.policy, request.bypass)
  call.store.change(key, { policy: request.policy })
  return {}
}

function listKeyPolicies(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    ...pageFields(fields, { maxItems: 1000, defaultItems: 100 }),
  }))
  getPermittedKey(call, request.keyId, 'own account')
  const { items, ...more } = page([defaultName], (name) => name, request)
  return { PolicyNames: items, ...more }
}

function policyNameField(fields: RequestFields): string {
  return fields.text('PolicyName', { min: 1, max: 128, pattern: /^[\w]+$/ }) ?? defaultName
}

function requireDefaultName(name: string): void {
  if (name !== defaultName) throw notFound('No such policy exists')
}

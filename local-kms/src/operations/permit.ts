// Asks for permission on behalf of an operation: it gathers the facts for conditions and applies the policies.
import type { EncryptionContext } from '../keys/ciphertext.ts'
import type { Key } from '../keys/key-record.ts'
import { KmsError } from '../kms-error.ts'
import {
  type AccessRequest,
  authorizeByIdentity,
  authorizeByResource,
  notAllowed,
} from '../policy/authorize.ts'
import { createRequestFacts, type RequestFacts } from '../policy/conditions.ts'
import { parsePolicy, type Policy } from '../policy/parse-policy.ts'
import { principalFacts } from '../policy/principal.ts'
import type { Call, Reach } from './call.ts'

const contextPrefix = 'kms:encryptioncontext:'

/** @throws KmsError AccessDeniedException */
export function permitOnKey(
  call: Call,
  action: string,
  key: Key,
  reach: Reach,
  context: EncryptionContext = new Map(),
): void {
  const request = accessRequest(call, action, key.arn, factsAboutKey(call, key, context))
  const owner = key.record.account
  if (reach === 'own account' && call.caller.account !== owner) throw notAllowed(request, 'resource-based')
  authorizeByResource(request, policyOf(key), owner)
}

/**
 * Asks for an action that concerns an alias, or nothing in particular.
 *
 * @throws KmsError AccessDeniedException
 */
export function permitInAccount(call: Call, action: string, resource = '*'): void {
  authorizeByIdentity(accessRequest(call, action, resource, createRequestFacts(factsAboutCall(call))))
}

/** Whether the caller could still change the policy of `key` if `policy` were in force. */
export function keepsControl(call: Call, key: Key, policy: Policy): boolean {
  const request = accessRequest(call, 'PutKeyPolicy', key.arn, factsAboutKey(call, key, new Map()))
  try {
    authorizeByResource(request, policy, key.record.account)
    return true
  } catch (error) {
    if (error instanceof KmsError) return false
    throw error
  }
}

const parsedPolicies = new WeakMap<object, Policy>()

function policyOf(key: Key): Policy {
  let policy = parsedPolicies.get(key.local)
  if (policy === undefined) {
    policy = parsePolicy(key.local.policy, 'key')
    parsedPolicies.set(key.local, policy)
  }
  return policy
}

function accessRequest(call: Call, action: string, resource: string, facts: RequestFacts): AccessRequest {
  return { caller: call.caller, action: `kms:${action}`, resource, facts }
}

function factsAboutCall({ caller, region }: Call): Record<string, readonly string[]> {
  return {
    ...principalFacts(caller),
    'kms:calleraccount': [caller.account],
    'aws:requestedregion': [region],
    // AWS knows these; no call over loopback has them.
    'kms:viaservice': [],
    'aws:sourceaccount': [],
    'aws:sourcearn': [],
    'aws:sourcevpce': [],
  }
}

function factsAboutKey(call: Call, key: Key, context: EncryptionContext): RequestFacts {
  const { record, region } = key
  const keyType = region === record.primaryRegion ? 'PRIMARY' : 'REPLICA'
  const facts = createRequestFacts({
    ...factsAboutCall(call),
    'kms:encryptioncontextkeys': [...context.keys()],
    'kms:multiregion': [String(record.multiRegion)],
    'kms:multiregionkeytype': record.multiRegion ? [keyType] : [],
    'kms:keyspec': [record.spec],
    'kms:keyusage': [record.usage],
    'kms:keyorigin': ['AWS_KMS'],
    'aws:resourceaccount': [record.account],
  })
  return (name) => factAboutContext(context, name.toLowerCase()) ?? facts(name)
}

// AWS compares the name of the pair without regard to case; kms:EncryptionContextKeys is the strict way.
function factAboutContext(context: EncryptionContext, name: string): readonly string[] | undefined {
  if (!name.startsWith(contextPrefix)) return undefined
  const wanted = name.slice(contextPrefix.length)
  return [...context].filter(([pair]) => pair.toLowerCase() === wanted).map(([, value]) => value)
}

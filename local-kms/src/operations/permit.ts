// Asks for permission on behalf of an operation: it gathers the facts for conditions and applies policies and grants.
import type { EncryptionContext } from '../keys/ciphertext.ts'
import type { Grant } from '../keys/grant.ts'
import type { Key } from '../keys/key-record.ts'
import { inForce } from '../keys/propagation.ts'
import { KmsError } from '../kms-error.ts'
import type { AccessRequest } from '../policy/access-request.ts'
import { authorizeByIdentity, authorizeByResource, refuseDenied } from '../policy/authorize.ts'
import type { RequestFacts } from '../policy/conditions.ts'
import { hiddenFrom, notAllowed } from '../policy/denial.ts'
import { parsePolicy, type Policy } from '../policy/parse-policy.ts'
import type { Call, Reach } from './call.ts'
import { grantsAllowing } from './grants/grants-allowing.ts'
import { factsAboutCall, factsAboutKey } from './request-facts.ts'

const maxParsedPolicies = 1_000
const ofCiphertext = 'the resource associated with this ciphertext'

export interface PermitOptions {
  /** Default: the empty one. */
  context?: EncryptionContext | undefined
  /** Whether only a ciphertext names the key: a refusal then does not. */
  isFromCiphertext?: boolean
  /** The grants that may give the permission. Default: all. */
  mayGive?: (grant: Grant) => boolean
}

/** @throws KmsError AccessDeniedException */
export function permitOnKey(
  call: Call,
  action: string,
  key: Key,
  reach: Reach,
  { context = new Map(), isFromCiphertext = false, mayGive = () => true }: PermitOptions = {},
): void {
  const request = {
    ...accessRequest(call, action, key.arn, factsAboutKey(call, key, context)),
    ...(isFromCiphertext && { shownAs: ofCiphertext }),
  }
  const ownerAccount = key.record.account
  if (reach === 'own account' && call.caller.account !== ownerAccount) throw notAllowed(request, 'resource')
  const resource = {
    policy: parsedPolicy(inForce(key, call.nowMs).local.policy),
    ownerAccount,
    isGranted: grantsAllowing(call, action, key, context).some(mayGive),
  }
  try {
    authorizeByResource(request, resource)
  } catch (error) {
    // AWS does not tell whether a ciphertext is under a key of another account.
    const isHidden = isFromCiphertext && call.caller.account !== ownerAccount
    if (!isHidden || !(error instanceof KmsError) || !error.message.includes('resource-based policy'))
      throw error
    throw hiddenFrom(request)
  }
}

/** The refusal of a ciphertext whose key is nowhere: it looks like one whose key is another's. */
export function unreachableKey(call: Call, action: string): KmsError {
  return hiddenFrom({
    caller: call.caller,
    action: `kms:${action}`,
    resource: '*',
    shownAs: ofCiphertext,
  })
}

/**
 * Asks for an action that concerns an alias, or nothing in particular.
 *
 * @throws KmsError AccessDeniedException
 */
export function permitInAccount(call: Call, action: string, resource = '*'): void {
  authorizeByIdentity(accessRequest(call, action, resource, factsAboutCall(call)))
}

/**
 * Refuses what policies deny, for an action that no policy needs to allow.
 *
 * @throws KmsError AccessDeniedException
 */
export function refuseDeniedOnKey(call: Call, action: string, key: Key): void {
  const request = accessRequest(call, action, key.arn, factsAboutKey(call, key, new Map()))
  refuseDenied(request, parsedPolicy(inForce(key, call.nowMs).local.policy))
}

/** The refusal of an action that nothing about the key allows. */
export function notAllowedOnKey(call: Call, action: string, key: Key): KmsError {
  return notAllowed(accessRequest(call, action, key.arn, factsAboutCall(call)), 'resource')
}

/** Whether the caller could still change the policy of `key` if `policy` were in force. */
export function keepsControl(call: Call, key: Key, policy: Policy): boolean {
  const request = accessRequest(call, 'PutKeyPolicy', key.arn, factsAboutKey(call, key, new Map()))
  try {
    authorizeByResource(request, { policy, ownerAccount: key.record.account })
    return true
  } catch (error) {
    if (error instanceof KmsError) return false
    throw error
  }
}

const parsedPolicies = new Map<string, Policy>()

function parsedPolicy(text: string): Policy {
  let policy = parsedPolicies.get(text)
  if (policy === undefined) {
    policy = parsePolicy(text, 'key')
    if (parsedPolicies.size >= maxParsedPolicies) parsedPolicies.clear()
    parsedPolicies.set(text, policy)
  }
  return policy
}

function accessRequest(call: Call, action: string, resource: string, facts: RequestFacts): AccessRequest {
  return { caller: call.caller, action: `kms:${action}`, resource, facts }
}

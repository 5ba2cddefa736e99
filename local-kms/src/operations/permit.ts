// Asks for permission on behalf of an operation: gathers what conditions may ask about and applies the policies.
import type { Call } from './call.ts'
import type { EncryptionContext } from '../keys/ciphertext.ts'
import type { Key } from '../keys/key-record.ts'
import { type AccessRequest, authorizeByIdentity, authorizeByKeyPolicy } from '../policy/authorize.ts'
import type { RequestFacts } from '../policy/conditions.ts'
import { parsePolicy, type Policy } from '../policy/parse-policy.ts'
import { KmsError } from '../kms-error.ts'
import type { Reach } from './get-key.ts'

const CONTEXT_PREFIX = 'kms:encryptioncontext:'

// Known to AWS but never true of a call over loopback.
const ALWAYS_ABSENT = ['kms:viaservice', 'aws:sourceaccount', 'aws:sourcearn', 'aws:sourcevpce']

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
  if (reach === 'own account' && call.caller.account !== owner) {
    throw new KmsError(
      'AccessDeniedException',
      `User: ${call.caller.arn} is not authorized to perform: kms:${action} on resource: ${key.arn} because no resource-based policy allows the kms:${action} action`,
    )
  }
  authorizeByKeyPolicy(request, keyPolicyOf(key), owner)
}

/** For what concerns no key, or an alias. @throws KmsError AccessDeniedException */
export function permitInAccount(call: Call, action: string, resource = '*'): void {
  authorizeByIdentity(accessRequest(call, action, resource, factsAboutCall(call)))
}

/** Whether the caller could still change the policy of `key` if `policy` were in force. */
export function keepsControl(call: Call, key: Key, policy: Policy): boolean {
  const request = accessRequest(call, 'PutKeyPolicy', key.arn, factsAboutKey(call, key, new Map()))
  try {
    authorizeByKeyPolicy(request, policy, key.record.account)
    return true
  } catch (error) {
    if (error instanceof KmsError) return false
    throw error
  }
}

const parsedPolicies = new WeakMap<object, Policy>()

function keyPolicyOf(key: Key): Policy {
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

function factsAboutCall(call: Call): RequestFacts {
  const { caller, region } = call
  const facts = new Map([
    ['kms:calleraccount', [caller.account]],
    ['aws:principalaccount', [caller.account]],
    ['aws:principalarn', [caller.roleArn ?? caller.arn]],
    ['aws:requestedregion', [region]],
    // The endpoint stands in for one that is reached over TLS only.
    ['aws:securetransport', ['true']],
    ...ALWAYS_ABSENT.map((key): [string, string[]] => [key, []]),
  ])
  return (key) => facts.get(key.toLowerCase())
}

function factsAboutKey(call: Call, key: Key, context: EncryptionContext): RequestFacts {
  const aboutCall = factsAboutCall(call)
  const { record, region } = key
  const facts = new Map([
    ['kms:encryptioncontextkeys', [...context.keys()]],
    ['kms:multiregion', [String(record.multiRegion)]],
    [
      'kms:multiregionkeytype',
      record.multiRegion ? [region === record.primaryRegion ? 'PRIMARY' : 'REPLICA'] : [],
    ],
    ['kms:keyspec', [record.spec]],
    ['kms:keyusage', [record.usage]],
    ['kms:keyorigin', ['AWS_KMS']],
    ['aws:resourceaccount', [record.account]],
  ])
  return (name) => {
    const lower = name.toLowerCase()
    // AWS compares the name of the pair without regard to case; kms:EncryptionContextKeys is the strict way.
    if (lower.startsWith(CONTEXT_PREFIX)) {
      const wanted = lower.slice(CONTEXT_PREFIX.length)
      return [...context].filter(([pair]) => pair.toLowerCase() === wanted).map(([, value]) => value)
    }
    return facts.get(lower) ?? aboutCall(name)
  }
}

// The facts about a call and its key that conditions ask for. A key that has no entry here is absent from every
// request, as a key is in AWS that a service does not supply.
import type { EncryptionContext } from '../keys/ciphertext.ts'
import type { Key } from '../keys/key-record.ts'
import type { RequestFacts } from '../policy/conditions.ts'
import { principalFacts } from '../policy/principal.ts'
import type { Call } from './call.ts'

const contextPrefix = 'kms:encryptioncontext:'

/** Condition keys with the member of the request that each one shows. */
const requestMembers: ReadonlyMap<string, string> = new Map([
  ['kms:bypasspolicylockoutsafetycheck', 'BypassPolicyLockoutSafetyCheck'],
  ['kms:customermasterkeyspec', 'CustomerMasterKeySpec'],
  ['kms:encryptionalgorithm', 'EncryptionAlgorithm'],
  ['kms:expirationmodel', 'ExpirationModel'],
  ['kms:granteeprincipal', 'GranteePrincipal'],
  ['kms:grantoperations', 'Operations'],
  ['kms:primaryregion', 'PrimaryRegion'],
  ['kms:replicaregion', 'ReplicaRegion'],
  ['kms:retiringprincipal', 'RetiringPrincipal'],
  ['kms:rotationperiodindays', 'RotationPeriodInDays'],
  ['kms:schedulekeydeletionpendingwindowindays', 'PendingWindowInDays'],
  ['kms:validto', 'ValidTo'],
  ['kms:wrappingalgorithm', 'WrappingAlgorithm'],
  ['kms:wrappingkeyspec', 'WrappingKeySpec'],
])

const grantActions = new Set(['CreateGrant', 'ListGrants', 'RevokeGrant'])

export function factsAboutCall(call: Call): RequestFacts {
  const known = new Map(Object.entries(factsOfCaller(call)))
  return (name) => {
    const key = name.toLowerCase()
    return known.get(key) ?? factAboutRequest(call, key) ?? []
  }
}

export function factsAboutKey(call: Call, key: Key, context: EncryptionContext): RequestFacts {
  const known = new Map(Object.entries({ ...factsOfKey(key, context), ...factsOfCaller(call) }))
  return (name) => {
    const wanted = name.toLowerCase()
    return (
      factAboutContext(context, wanted) ??
      factAboutTags(key, wanted) ??
      factAboutAliases(call, key, wanted) ??
      known.get(wanted) ??
      factAboutRequest(call, wanted) ??
      []
    )
  }
}

function factsOfCaller(call: Call): Record<string, readonly string[]> {
  const { caller, region, nowMs, sourceIp } = call
  return {
    'kms:calleraccount': [caller.account],
    'aws:requestedregion': [region],
    'aws:sourceip': [sourceIp],
    'aws:currenttime': [new Date(nowMs).toISOString()],
    'aws:epochtime': [String(Math.floor(nowMs / 1_000))],
    ...principalFacts(caller),
  }
}

function factsOfKey({ record, region }: Key, context: EncryptionContext): Record<string, readonly string[]> {
  const keyType = region === record.primaryRegion ? 'PRIMARY' : 'REPLICA'
  return {
    'kms:encryptioncontextkeys': [...context.keys()],
    'kms:multiregion': [String(record.multiRegion)],
    'kms:multiregionkeytype': record.multiRegion ? [keyType] : [],
    'kms:keyspec': [record.spec],
    'kms:keyusage': [record.usage],
    'kms:keyorigin': [record.origin ?? 'AWS_KMS'],
    'aws:resourceaccount': [record.account],
  }
}

// AWS compares the name of the pair without regard to case; kms:EncryptionContextKeys is the strict way.
function factAboutContext(context: EncryptionContext, name: string): readonly string[] | undefined {
  if (!name.startsWith(contextPrefix)) return undefined
  const wanted = name.slice(contextPrefix.length)
  return [...context].filter(([pair]) => pair.toLowerCase() === wanted).map(([, value]) => value)
}

function factAboutTags({ local }: Key, name: string): readonly string[] | undefined {
  if (!name.startsWith('aws:resourcetag/')) return undefined
  const wanted = name.slice('aws:resourcetag/'.length)
  return local.tags.filter(({ TagKey }) => TagKey.toLowerCase() === wanted).map(({ TagValue }) => TagValue)
}

// Only asked for, because an account may have many aliases.
function factAboutAliases(
  call: Call,
  { record, region }: Key,
  wanted: string,
): readonly string[] | undefined {
  if (wanted !== 'kms:resourcealiases') return undefined
  return call.store
    .listAliases(record.account, region)
    .filter(({ keyId }) => keyId === record.keyId)
    .map(({ name }) => name)
}

function factAboutRequest({ fields, operation, caller }: Call, name: string): readonly string[] | undefined {
  const member = requestMembers.get(name)
  if (member !== undefined) return fields.shown(member)
  switch (name) {
    case 'kms:requestalias': {
      const [keyId = ''] = fields.shown('KeyId')
      const at = keyId.indexOf('alias/')
      return at < 0 ? [] : [keyId.slice(at)]
    }
    case 'kms:grantconstrainttype':
      return fields.memberNames('Constraints')
    case 'kms:grantisforawsresource':
      // True only when a service of AWS makes the call for its own resource.
      return grantActions.has(operation)
        ? [String(principalFacts(caller)['kms:viaservice'] !== undefined)]
        : []
    default:
      return undefined
  }
}

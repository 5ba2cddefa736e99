// The grants of a key that allow a call.
import type { EncryptionContext } from '../../keys/ciphertext.ts'
import { type Grant, type GrantConstraints, grantOperations } from '../../keys/grant.ts'
import type { Key } from '../../keys/key-record.ts'
import { inForce } from '../../keys/propagation.ts'
import { isNamed } from '../../policy/principal-names.ts'
import type { Call } from '../call.ts'

/** The operations that carry an encryption context. Constraints concern no others. */
const constrained = new Set([
  'Decrypt',
  'Encrypt',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'GenerateDataKeyPairWithoutPlaintext',
  'GenerateDataKeyWithoutPlaintext',
  'ReEncryptFrom',
  'ReEncryptTo',
])

export function grantsAllowing(call: Call, action: string, key: Key, context: EncryptionContext): Grant[] {
  const operation = grantOperations.find((each) => each === action)
  if (operation === undefined) return []
  return usableGrants(call, key).filter(
    (grant) =>
      grant.operations.includes(operation) &&
      isNamed(call.caller, grant.grantee) &&
      (!constrained.has(operation) || meets(grant.constraints, context)),
  )
}

// Those that have spread, and those whose token the caller shows.
function usableGrants(call: Call, key: Key): Grant[] {
  const spread = inForce(key, call.nowMs).local.grants ?? []
  const shown = new Set(call.fields.shown('GrantTokens'))
  if (shown.size === 0) return [...spread]
  const named = (key.local.grants ?? []).filter(({ tokens }) => tokens.some((token) => shown.has(token)))
  return [...spread, ...named]
}

// The names of pairs are compared without regard to case, their values strictly.
function meets(constraints: GrantConstraints | undefined, context: EncryptionContext): boolean {
  const { equals, subset } = constraints ?? {}
  const pairs = [...context].map(([name, value]) => pairOf(name, value))
  const has = (wanted: Readonly<Record<string, string>>): boolean =>
    Object.entries(wanted).every(([name, value]) => pairs.includes(pairOf(name, value)))
  const isEqual = equals === undefined || (pairs.length === Object.keys(equals).length && has(equals))
  return isEqual && (subset === undefined || has(subset))
}

function pairOf(name: string, value: string): string {
  return JSON.stringify([name.toLowerCase(), value])
}

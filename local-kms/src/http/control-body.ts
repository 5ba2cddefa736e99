// The bodies and queries of the control routes. A misspelt member is refused: it would aim a fault at every call.
import type { PrincipalRules } from '../callers/callers.ts'
import { type NewGuardrails, parseNewGuardrails } from '../callers/guardrails.ts'
import type { NewIdentityProvider } from '../callers/identity-providers.ts'
import type { NewRole } from '../callers/roles.ts'
import { findUnknownMember, isJsonObject, type JsonObject } from '../json-object.ts'
import { type BackingFailure, backingFailureNames } from '../keys/backing-failures.ts'
import type { Propagation } from '../keys/propagation.ts'
import { type Fault, faultKinds } from '../traffic/faults.ts'
import type { CallMatch } from '../traffic/observed-call.ts'
import { type Outage, outages } from '../traffic/regions.ts'

/** @throws TypeError that names the member */
export function parseFault(value: unknown): Fault {
  const members = membersOf(value, ['match', 'kind', 'probability', 'latencyMs', 'count'])
  return {
    kind: choiceOf(members, 'kind', faultKinds),
    match: members.match === undefined ? undefined : parseMatch(members.match),
    probability: numberOf(members, 'probability'),
    latencyMs: numberOf(members, 'latencyMs'),
    count: numberOf(members, 'count'),
  }
}

/** @throws TypeError that names the member */
export function parseMatch(value: unknown): CallMatch {
  const members = membersOf(value, ['operation', 'region', 'account', 'caller', 'keyId'])
  return {
    operation: textOf(members, 'operation'),
    region: textOf(members, 'region'),
    account: textOf(members, 'account'),
    caller: textOf(members, 'caller'),
    keyId: textOf(members, 'keyId'),
  }
}

/** @throws TypeError that names the member */
export function parseOutage(value: unknown): Outage {
  return choiceOf(membersOf(value, ['outage']), 'outage', outages)
}

/** @throws TypeError that names the member */
export function parseRole(arn: string, value: unknown): NewRole {
  const { trust, policy } = membersOf(value, ['trust', 'policy'])
  return { arn, trust, policy }
}

/** An account and the URL of an issuer, as the path names both: `<account>/<url>`. */
export function accountAndUrl(name: string): { account: string; url: string } {
  const at = name.indexOf('/')
  return { account: name.slice(0, at), url: name.slice(at + 1) }
}

/** @throws TypeError that names the member */
export function parseIdentityProvider(name: string, value: unknown): NewIdentityProvider {
  const members = membersOf(value, ['clientIds', 'pagesAt'])
  const { clientIds } = members
  if (!Array.isArray(clientIds) || !clientIds.every((id) => typeof id === 'string'))
    throw new TypeError('"clientIds" expected 1 to 100 texts')
  return { ...accountAndUrl(name), clientIds, pagesAt: textOf(members, 'pagesAt') ?? '' }
}

/** @throws TypeError that names the member */
export function parseGuardrails(value: unknown): NewGuardrails {
  if (!isJsonObject(value)) throw new TypeError('expected a JSON object')
  return parseNewGuardrails(value)
}

/** @throws TypeError that names the member */
export function parsePropagation(value: unknown): Propagation {
  const delayMs = numberOf(membersOf(value, ['delayMs']), 'delayMs')
  if (delayMs === undefined || !(delayMs >= 0)) throw new TypeError('"delayMs" expected milliseconds')
  return { delayMs }
}

/** @throws TypeError that names the member */
export function parseBackingFailure(value: unknown): {
  failure: BackingFailure
  externalKeyId?: string | undefined
} {
  const members = membersOf(value, ['failure', 'externalKeyId'])
  return {
    failure: choiceOf(members, 'failure', backingFailureNames),
    externalKeyId: textOf(members, 'externalKeyId'),
  }
}

/** @throws TypeError that names the member */
export function parsePrincipalRules(value: unknown): PrincipalRules {
  const { mustExist } = membersOf(value, ['mustExist'])
  if (typeof mustExist !== 'boolean') throw new TypeError('"mustExist" expected true or false')
  return { mustExist }
}

function membersOf(value: unknown, allowed: readonly string[]): JsonObject {
  if (!isJsonObject(value)) throw new TypeError('expected a JSON object')
  const unknown = findUnknownMember(value, allowed)
  if (unknown !== undefined) throw new TypeError(`"${unknown}" expected one of ${allowed.join(', ')}`)
  return value
}

function choiceOf<T extends string>(members: JsonObject, name: string, allowed: readonly T[]): T {
  const choice = allowed.find((one) => one === members[name])
  if (choice === undefined) throw new TypeError(`"${name}" expected one of ${allowed.join(', ')}`)
  return choice
}

function numberOf(members: JsonObject, name: string): number | undefined {
  const number = members[name]
  if (number === undefined || typeof number === 'number') return number
  throw new TypeError(`"${name}" expected a number`)
}

function textOf(members: JsonObject, name: string): string | undefined {
  const text = members[name]
  if (text === undefined || typeof text === 'string') return text
  throw new TypeError(`"${name}" expected text`)
}

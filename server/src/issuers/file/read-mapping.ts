// Reads a mapping of the file of issuers. What would let in more callers than its writer sees is refused.
import {
  findOutsideRole,
  givenRoles,
  limits,
  scopePattern,
  tenantIdPattern,
  type Role,
} from '@keyhold/contract'
import { readScopes } from '../../access/scopes.ts'
import { prefixEnds, type Matcher, type Scalar } from '../matchers.ts'
import { isPlainText } from '../plain-text.ts'
import type { Mapping, TenantRule } from './issuers-form.ts'
import {
  memberOf,
  PlaceFault,
  readEntries,
  readMembers,
  readOneOf,
  readText,
  readTexts,
  required,
  type Members,
  type Place,
} from './json-places.ts'

export interface MappingRules {
  /** Refuses what nothing is matched with. */
  checkName: (name: string, place: Place) => void
  isMultiTenant: boolean
}

const maxMatches = 16
const maxValues = 100
const maxText = 512
const scopeForm = new RegExp(scopePattern)
const tenantIdForm = new RegExp(tenantIdPattern)
const servicesOfAll: readonly string[] = ['service', 'service-encrypt']

export const mappingMembers = ['match', 'tenant', 'role', 'scopes', 'name'] as const

/** @throws PlaceFault */
export function readMapping(place: Place, members: Members, rules: MappingRules): Mapping {
  const role = readOneOf(required(members, 'role', place), givenRoles)
  const match = readMatch(required(members, 'match', place), rules)
  const tenant = readTenant(place, members('tenant'), role, rules)
  // Who may do something for everybody is named, never described.
  const wide = match.find(([, matcher]) => matcher.kind === 'prefix')
  if ((tenant.kind === 'none' || tenant.kind === 'all') && wide !== undefined) {
    throw new PlaceFault(
      { pointer: memberOf({ pointer: memberOf(place, 'match') }, wide[0]) },
      'exact texts: an operator, or a service for all tenants, is not found by a prefix',
    )
  }
  const scopes = members('scopes')
  const name = members('name')
  if (name !== undefined && !isPlainText(name.value, 128))
    throw new PlaceFault(name, 'a text of 1 to 128 characters')
  return {
    ...{ role, match, tenant },
    scopes: scopes && readScopeTexts(scopes, role),
    name: name?.value as string | undefined,
  }
}

function readScopeTexts(place: Place, role: Role): string[] {
  const expects = 'a scope, such as encrypt, decrypt:pay or decrypt:pay*'
  const texts = readTexts(place, { max: 256, form: scopeForm, expects }, { min: 0, max: limits.maxScopes })
  const outside = findOutsideRole(role, [...readScopes(texts).keys()])
  if (outside === undefined) return texts
  throw new PlaceFault(place, `scopes of permissions of the role ${role}, which does not have ${outside}`)
}

function readMatch(place: Place, { checkName }: MappingRules): Mapping['match'] {
  const entries = readEntries(place, 'an object of claims')
  if (entries.length === 0 || entries.length > maxMatches) {
    throw new PlaceFault(
      place,
      `1 to ${maxMatches} claims: a mapping that asks for none would take everybody`,
    )
  }
  return entries.map(([name, matcher]) => {
    checkName(name, matcher)
    return [name, readMatcher(matcher)] as const
  })
}

function readMatcher(place: Place): Matcher {
  const { value } = place
  if (Array.isArray(value)) {
    if (value.length === 0 || value.length > maxValues)
      throw new PlaceFault(place, `a list of 1 to ${maxValues}`)
    const values = value.map((each: unknown, index) =>
      readScalar({ value: each, pointer: memberOf(place, String(index)) }),
    )
    return { kind: 'exact', values: new Set(values) }
  }
  if (typeof value !== 'object' || value === null)
    return { kind: 'exact', values: new Set([readScalar(place)]) }
  const prefix = readText(required(readMembers(place, ['prefix']), 'prefix', place), {
    max: maxText,
    form: new RegExp(`[${prefixEnds}]$`),
    expects: `a text that ends with one of ${prefixEnds.split('').join(' ')}, so that it ends where a part of the claim ends`,
  })
  return { kind: 'prefix', prefix }
}

function readScalar(place: Place): Scalar {
  const { value } = place
  if (typeof value === 'boolean') return value
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value
  if (typeof value === 'string' && value !== '' && value.length <= maxText) return value
  throw new PlaceFault(
    place,
    `a text of 1 to ${maxText} characters, a whole number, true or false, a list of them, or {"prefix": …}`,
  )
}

function readTenant(
  of: Place,
  place: Place | undefined,
  role: string,
  { isMultiTenant }: MappingRules,
): TenantRule {
  if (role === 'operator') {
    if (place === undefined) return { kind: 'none' }
    throw new PlaceFault(place, 'not to be there: an operator has no tenant')
  }
  if (place === undefined) throw new PlaceFault({ pointer: memberOf(of, 'tenant') }, 'to be there')
  if (place.value === 'all') {
    if (servicesOfAll.includes(role)) return { kind: 'all' }
    throw new PlaceFault(place, 'a tenant: only a service or a service-encrypt is for all')
  }
  const expects = '{"const": a tenant id}, {"claim": its name}, or "all" for a service'
  const members = readMembers(place, ['const', 'claim'])
  const [constant, claim] = [members('const'), members('claim')]
  if ((constant === undefined) === (claim === undefined)) throw new PlaceFault(place, expects)
  if (constant !== undefined) {
    return {
      kind: 'const',
      tenantId: readText(constant, { max: 64, form: tenantIdForm, expects: 'a tenant id' }),
    }
  }
  if (!isMultiTenant) {
    throw new PlaceFault(place, 'a constant: an issuer chooses the tenant only where isMultiTenant is true')
  }
  const name = claim ?? place
  return {
    kind: 'claim',
    claim: readText(name, { max: maxText, expects: 'the name of a claim, or a JSON Pointer' }),
  }
}

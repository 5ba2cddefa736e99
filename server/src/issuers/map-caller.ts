// From what is proven of a sender to the caller: by the first mapping of a list that matches.
import { tenantIdPattern } from '@keyhold/contract'
import { issuedCaller, type Caller } from '../access/caller.ts'
import type { ClientCertificate } from '../tls/client-certificate.ts'
import type { CertificateMapping, Issuer, Mapping } from './file/issuers-form.ts'
import { findClaim, findMatch } from './matchers.ts'
import type { CheckedToken } from './tokens/check-token.ts'
import { RefusedToken } from './tokens/refused-token.ts'
import type { JsonObject } from './tokens/read-jwt.ts'

export interface Mapped {
  caller: Caller
  /** The place of the mapping in its list. */
  index: number
}

const tenantIdForm = new RegExp(tenantIdPattern)

/** @throws RefusedToken */
export function mapToken(
  { issuer, mappings }: Pick<Issuer, 'issuer' | 'mappings'>,
  { subject, tokenId }: Pick<CheckedToken, 'subject' | 'tokenId'>,
  claims: JsonObject,
): Mapped {
  const index = mappings.findIndex(({ match }) =>
    match.every(([name, matcher]) => findMatch(matcher, findClaim(claims, name)) !== undefined),
  )
  const mapping = mappings[index]
  if (mapping === undefined) throw new RefusedToken('mapping', 'No mapping of the issuer matches.')
  const { role, scopes, name = subject } = mapping
  const tenantId = tenantOf(mapping, claims)
  return {
    index,
    caller: issuedCaller({
      ...{ kind: 'jwt', id: `${issuer}#${subject}`, name, role, tenantId, scopes },
      ...(tokenId !== undefined && { tokenId }),
    }),
  }
}

/** @throws RefusedToken */
export function mapCertificate(
  mappings: readonly CertificateMapping[],
  certificate: ClientCertificate,
): Mapped {
  for (const [index, mapping] of mappings.entries()) {
    if (mapping.issuer !== undefined && mapping.issuer !== certificate.issuer) continue
    const found = mapping.match.map(([kind, matcher]) => {
      const value = findMatch(matcher, certificate.names[kind as keyof ClientCertificate['names']])
      return value === undefined ? undefined : `${kind}:${value}`
    })
    const [subject] = found
    if (subject === undefined || found.includes(undefined)) continue
    const { role, scopes, name = subject } = mapping
    const id = `${certificate.issuer}#${subject}`
    return {
      index,
      caller: issuedCaller({ kind: 'certificate', id, name, role, tenantId: tenantOf(mapping, {}), scopes }),
    }
  }
  throw new RefusedToken('mapping', 'No mapping matches the certificate.')
}

function tenantOf({ tenant }: Mapping, claims: JsonObject): string | undefined {
  if (tenant.kind === 'const') return tenant.tenantId
  if (tenant.kind !== 'claim') return undefined
  const value = findClaim(claims, tenant.claim)
  if (typeof value === 'string' && tenantIdForm.test(value)) return value
  throw new RefusedToken('tenant', 'The claim that names the tenant is missing, or holds no tenant id.')
}

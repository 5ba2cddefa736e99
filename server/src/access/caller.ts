// The caller, established by what a request shows alone: an access token, a certificate, or the cookie of a session.
import type { ApiKeyRow } from '../store/api-keys/api-keys.ts'
import type { ApiKeyRole } from '../store/tables.ts'
import { readNetworks, type AreFrom } from './networks.ts'
import { readScopes, type Scopes } from './scopes.ts'

/** `person`: whom an issuer has named at a sign-in. A session that was exchanged for an API key calls as that API key. */
export type CallerKind = 'api-key' | 'jwt' | 'certificate' | 'person'

/** The session in which a caller acts. */
export interface CallerSession {
  id: string
  kind: 'browser' | 'cli'
  /** When the caller last proved who he is. */
  signedInAt: Date
  endsAt: Date
}

export interface Caller {
  kind: CallerKind
  /** Of an API key its id; of others `issuer#subject`, which is the same for all tokens and certificates of one subject. */
  id: string
  /** For people. Undefined: that of an API key is in its row. */
  name?: string
  role: ApiKeyRole
  /** The `jti` of the JWT, or its hash where it is no plain text of that length: it tells one token of a subject from another. */
  tokenId?: string
  /** Undefined: an operator, or a service for all tenants. */
  tenantId: string | undefined
  /** Undefined: it may do all that its role allows. */
  scopes?: Scopes
  /** The same in texts, of a caller that has no row with them. */
  scopeTexts?: readonly string[]
  /** Undefined: it may call from anywhere. */
  isFrom?: AreFrom
  /** Undefined: it calls without one. */
  session?: CallerSession
  /** It has shown a link, with which it begins a session and does nothing else. */
  link?: { id: string; kind: 'one-time' | 'setup' }
}

export function callerOf({
  id,
  role,
  tenantId,
  scopes,
  addresses,
}: Pick<ApiKeyRow, 'id' | 'role' | 'tenantId' | 'scopes' | 'addresses'>): Caller {
  return {
    ...{ kind: 'api-key', id, role, tenantId },
    ...(scopes !== undefined && { scopes: readScopes(scopes) }),
    ...(addresses !== undefined && { isFrom: readNetworks(addresses) }),
  }
}

/** A caller for whom an issuer vouches. */
export function issuedCaller({
  scopes,
  ...caller
}: Pick<Caller, 'kind' | 'id' | 'name' | 'role' | 'tenantId' | 'tokenId'> & {
  scopes: readonly string[] | undefined
}): Caller {
  return { ...caller, ...(scopes !== undefined && { scopes: readScopes(scopes), scopeTexts: scopes }) }
}

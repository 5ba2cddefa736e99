// The content of the file of issuers, after it was read.
import type { Role } from '@keyhold/contract'
import type { Matcher } from '../matchers.ts'

/** Which tenant a caller gets. */
export type TenantRule =
  | { kind: 'const'; tenantId: string }
  /** Only of an issuer that is listed as one of many tenants. */
  | { kind: 'claim'; claim: string }
  /** A service that names the tenant with each request. */
  | { kind: 'all' }
  /** An operator. */
  | { kind: 'none' }

export interface Mapping {
  /** By the names of claims, or of kinds of names in a certificate. All must match. */
  match: readonly (readonly [name: string, matcher: Matcher])[]
  tenant: TenantRule
  role: Role
  /** Undefined: all that the role allows. */
  scopes: readonly string[] | undefined
  name: string | undefined
}

/** Where the keys of an issuer are. */
export type KeySource =
  | { kind: 'url'; url: string }
  /** `url`: of the discovery document. */
  | { kind: 'discovery'; url: string }
  | { kind: 'file'; file: string }

export interface Issuer {
  /** In metrics and in the log. */
  name: string
  /** As in `iss`. */
  issuer: string
  audiences: readonly string[]
  algorithms: readonly string[]
  keys: KeySource
  /** Authorities of the issuer's TLS in PEM. */
  caFile: string | undefined
  /** An access token for the address of the keys. */
  tokenFile: string | undefined
  /** In lower case, without `application/`. Undefined: none, or `jwt`. */
  typ: string | undefined
  authorizedParties: readonly string[] | undefined
  maxLifetimeSeconds: number
  requireCertificateBinding: boolean
  mappings: readonly Mapping[]
}

/** An identity provider with which people sign in. */
export interface SignInProvider {
  /** In paths, in the log and in metrics. */
  name: string
  /** For people. */
  label: string
  /** As in `iss`. Its discovery document is below it. */
  issuer: string
  clientId: string
  /** Undefined: a public client, which has PKCE alone. */
  clientSecretFile: string | undefined
  /** Authorities of the provider's TLS in PEM. */
  caFile: string | undefined
  /** Of the signature of its ID tokens. */
  algorithm: string
  /** Asked for besides `openid`. */
  scopes: readonly string[]
  mappings: readonly Mapping[]
}

export interface CertificateMapping extends Mapping {
  /** `certificate:` and the SHA-256 of the last CA of the chain. Undefined: any that TLS trusts. */
  issuer: string | undefined
}

export interface IssuersFile {
  issuers: readonly Issuer[]
  certificates: readonly CertificateMapping[]
  signIn: readonly SignInProvider[]
}

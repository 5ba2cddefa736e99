// Callers for whom an issuer or an authority vouches: JWTs and certificates that are right, and ones of which one thing is wrong.
import { givenRoles, type GivenRole as Role } from '@keyhold/contract'
import { createHash, X509Certificate } from 'node:crypto'
import {
  createTestAuthority,
  type TestAuthority,
  type IssuedCertificate,
  type TestCertificate,
} from '../../../testkit/src/network/test-authority.ts'
import {
  audience,
  createTestIssuer,
  issuerUrl,
  type TestIssuer,
} from '../../../testkit/src/network/test-issuer.ts'
import { canary } from './canaries.ts'

/** A header, a certificate, or both. */
export interface Credential {
  /** The value of the header. */
  authorization?: string
  certificate?: TestCertificate
}

/** The ids of the tenants of a scene, which are known before there is one: the file of issuers names them. */
export interface SceneTenants {
  own: string
  foreign: string
  deleted: string
}

export interface IssuedScene {
  issuer: TestIssuer
  authority: TestAuthority
  /** Nobody trusts its certificates. */
  strange: TestAuthority
  /** Is on the revocation list. */
  revoked: IssuedCertificate
}

// The file of issuers takes 1,000 mappings of certificates. Later scenes have certificates that nobody is mapped to.
const scenesWithCertificates = 190
const tenantRoles = givenRoles.filter((role): role is Exclude<Role, 'operator'> => role !== 'operator')
const certificateRoles = ['tenant-admin', 'service', 'auditor'] as const
const dayMs = 86_400_000

/** The names of those who are somebody. */
const known: readonly string[] = [
  ...tenantRoles.map((role) => `jwt ${role}`),
  ...['jwt operator', 'jwt service for all', 'jwt scoped service'],
  ...['jwt foreign service', 'jwt foreign tenant-admin', 'jwt deleted service'],
  ...certificateRoles.map((role) => `certificate ${role}`),
  ...['certificate operator', 'certificate service for all'],
  ...['certificate foreign service', 'certificate deleted service', 'certificate service beside a key'],
]
const refused: readonly string[] = [
  ...['expired', 'early', 'endless', 'for others', 'of nobody', 'of another key', 'of an unknown key'],
  ...['unmapped', 'bound', 'unsigned', 'long', 'cut'],
].map((name) => `jwt ${name}`)
const refusedCertificates = ['certificate revoked', 'certificate unmapped', 'certificate strange']

export const issuedNames: readonly string[] = [...known, ...refused, ...refusedCertificates]

export function tenantsOf(scene: number): SceneTenants {
  return { own: `fuzz-${scene}`, foreign: `fuzz-${scene}-foreign`, deleted: `fuzz-${scene}-deleted` }
}

export async function makeIssuedScene(): Promise<IssuedScene> {
  const authority = createTestAuthority('authority of the callers')
  return {
    issuer: await createTestIssuer(),
    ...{ authority, strange: createTestAuthority('authority of nobody') },
    revoked: authority.issue([uri('service', tenantsOf(0).own)]),
  }
}

const uri = (role: string, tenantId: string) => `spiffe://example.org/${tenantId}/${role}`
const everybody = 'everybody'

/** The file of issuers of a whole run. */
export function issuersFile(jwksFile: string, scenes: number): object {
  const claims = (role: Role) => ({ match: { role }, role, tenant: { claim: 'tid' } })
  const names = (role: Role, tenantId: string) => ({
    ...{ match: { uri: uri(role, tenantId) }, role, tenant: { const: tenantId } },
  })
  return {
    issuers: [
      {
        ...{ name: 'fuzz', issuer: issuerUrl, audiences: [audience], algorithms: ['ES256'], jwksFile },
        ...{ isMultiTenant: true, maxLifetimeSeconds: 2 * 86_400 },
        mappings: [
          ...tenantRoles.map(claims),
          { match: { role: 'operator' }, role: 'operator' },
          { match: { role: 'all' }, role: 'service', tenant: 'all' },
          { ...claims('service'), match: { role: 'scoped' }, scopes: ['encrypt:pay*', 'decrypt:pay'] },
        ],
      },
    ],
    certificates: [
      { match: { uri: uri('operator', everybody) }, role: 'operator' },
      { match: { uri: uri('service', everybody) }, role: 'service', tenant: 'all' },
      ...Array.from({ length: Math.min(scenes, scenesWithCertificates) }, (_, scene) =>
        tenantsOf(scene),
      ).flatMap(({ own, foreign, deleted }) => [
        ...certificateRoles.map((role) => names(role, own)),
        ...[foreign, deleted].map((tenantId) => names('service', tenantId)),
      ]),
    ],
  }
}

/** @param auditorToken - the API key beside which a certificate does not count */
export async function issuedCallers(
  { issuer, authority, strange, revoked }: IssuedScene,
  { own, foreign, deleted }: SceneTenants,
  auditorToken: string,
): Promise<ReadonlyMap<string, Credential>> {
  const seconds = Math.floor(Date.now() / 1_000)
  const exp = seconds + dayMs / 1_000
  // The subject is told in the log and in audit records, so that it holds no secret.
  const sign = (role: string, tid: string, more: object = {}, header: Record<string, unknown> = {}) =>
    issuer.sign({ ...{ sub: `workload-${role}`, role, tid, exp }, ...more }, header)
  const good = await sign('service', own)
  const [head = '', claims = '', signature = ''] = good.split('.')
  const thumbprint = createHash('sha256').update(new X509Certificate(revoked.certificate).raw)
  const other = await createTestIssuer()
  const tokens: Record<string, string> = {
    ...Object.fromEntries(
      await Promise.all(tenantRoles.map(async (role) => [role, await sign(role, own)] as const)),
    ),
    operator: await sign('operator', own),
    'service for all': await sign('all', own),
    'scoped service': await sign('scoped', own),
    'foreign service': await sign('service', foreign),
    'foreign tenant-admin': await sign('tenant-admin', foreign),
    'deleted service': await sign('service', deleted),
    expired: await sign('service', own, { iat: seconds - 900, exp: seconds - 60 }),
    early: await sign('service', own, { iat: seconds + 43_200 }),
    endless: await sign('service', own, { exp: undefined }),
    'for others': await sign('service', own, { aud: 'https://others.example' }),
    'of nobody': await sign('service', own, { iss: 'https://nobody.example' }),
    'of another key': await other.sign({ role: 'service', tid: own, secret: canary(1) }),
    'of an unknown key': await sign('service', own, {}, { kid: canary(2) }),
    unmapped: await sign('nobody', own),
    bound: await sign('service', own, { cnf: { 'x5t#S256': thumbprint.digest('base64url') } }),
    unsigned: `${Buffer.from('{"alg":"none","kid":"k1"}').toString('base64url')}.${claims}.`,
    long: await sign('service', own, { more: canary(3).repeat(1_000) }),
    cut: `${head}.${claims}.${signature.slice(0, -4)}`,
  }
  const issue = (role: string, tenantId: string) => authority.issue([uri(role, tenantId)])
  const service = issue('service', own)
  const certificates: Record<string, Credential> = {
    ...Object.fromEntries(certificateRoles.map((role) => [role, { certificate: issue(role, own) }])),
    service: { certificate: service },
    operator: { certificate: issue('operator', everybody) },
    'service for all': { certificate: issue('service', everybody) },
    'foreign service': { certificate: issue('service', foreign) },
    'deleted service': { certificate: issue('service', deleted) },
    'service beside a key': { certificate: service, authorization: `Bearer ${auditorToken}` },
    revoked: { certificate: revoked },
    unmapped: { certificate: issue('nobody', own) },
    strange: { certificate: strange.issue([uri('service', own)]) },
  }
  return new Map<string, Credential>([
    ...Object.entries(tokens).map(
      ([name, token]) => [`jwt ${name}`, { authorization: `Bearer ${token}` }] as const,
    ),
    ...Object.entries(certificates).map(([name, shown]) => [`certificate ${name}`, shown] as const),
  ])
}

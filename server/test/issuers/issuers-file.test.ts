// A file of issuers that would let in more callers than its writer sees is refused, by the place of its fault.
import { describe, expect, test } from 'vitest'
import { readIssuersFile } from '../../src/issuers/file/read-issuers-file.ts'

const mapping = { match: { sub: 'a' }, tenant: { const: 'acme' }, role: 'service' }
const issuer = {
  ...{ name: 'k8s', issuer: 'https://issuer.example', audiences: ['keyhold'], algorithms: ['RS256'] },
  ...{ discovery: true, mappings: [mapping] },
}
const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const withIssuer = (changes: object) => ({ issuers: [{ ...issuer, ...changes }] })
const withMapping = (changes: object, ofIssuer: object = {}) =>
  withIssuer({ ...ofIssuer, mappings: [{ ...mapping, ...changes }] })
const without = (name: string) => withIssuer({ [name]: undefined })

const faulty: [pointer: string, file: unknown, words?: RegExp][] = [
  ['', '{', /JSON/],
  ['', '\uFEFF{}', /JSON/],
  ['', '{"issuers":[],"issuers":[]}', /no name twice/],
  ['', [], /an object/],
  ['/issuer', { issuer: [] }, /known are issuers, certificates/],
  ['/issuers', { issuers: {} }, /a list/],
  ['/issuers/0/name', without('name'), /to be there/],
  ['/issuers/0/name', withIssuer({ name: 'K8s' })],
  ['/issuers/0/issuer', without('issuer')],
  ['/issuers/0/issuer', withIssuer({ issuer: 'https://issuer.example/#a' }), /without #/],
  ['/issuers/0/issuer', withIssuer({ issuer: 'certificate:x', discovery: undefined, jwksFile: '/f' })],
  ['/issuers/0/audiences', without('audiences')],
  ['/issuers/0/audiences', withIssuer({ audiences: [] }), /a list of 1 to 20/],
  ['/issuers/0/audiences', withIssuer({ audiences: ['a', 'a'] }), /no text twice/],
  ['/issuers/0/algorithms/0', withIssuer({ algorithms: ['HS256'] }), /one of RS256/],
  ['/issuers/0/algorithms/0', withIssuer({ algorithms: ['none'] })],
  ['/issuers/0/algorithms', withIssuer({ algorithms: ['RS256', 'ES256'] }), /one family/],
  ['/issuers/0', withIssuer({ jwksUrl: 'https://a.example' }), /exactly one of/],
  ['/issuers/0', without('discovery'), /exactly one of/],
  ['/issuers/0/discovery', withIssuer({ discovery: false }), /true/],
  ['/issuers/0/discovery', withIssuer({ issuer: 'http://issuer.example' }), /https/],
  ['/issuers/0/jwksUrl', withIssuer({ discovery: undefined, jwksUrl: 'http://a.example' }), /https/],
  ['/issuers/0/jwksFile', withIssuer({ discovery: undefined, jwksFile: 'keys.json' }), /whole path/],
  ['/issuers/0/caFile', withIssuer({ discovery: undefined, jwksFile: '/k', caFile: '/c' })],
  ['/issuers/0/typ', withIssuer({ typ: 'application/at+jwt' }), /without application/],
  ['/issuers/0/maxLifetimeSeconds', withIssuer({ maxLifetimeSeconds: 59 }), /60/],
  ['/issuers/0/isMultiTenant', withIssuer({ isMultiTenant: 'true' }), /true or false/],
  ['/issuers/0/audience', withIssuer({ audience: 'x' }), /not to be there/],
  ['/issuers/0/mappings', withIssuer({ mappings: [] })],
  ['/issuers/0/mappings/0/match', withMapping({ match: {} }), /take everybody/],
  [
    '/issuers/0/mappings/0/match/iss',
    withMapping({ match: { iss: issuer.issuer } }),
    /tells no caller from another/,
  ],
  ['/issuers/0/mappings/0/match/~1aud', withMapping({ match: { '/aud': 'keyhold' } })],
  ['/issuers/0/mappings/0/match/sub', withMapping({ match: { sub: '' } })],
  ['/issuers/0/mappings/0/match/sub', withMapping({ match: { sub: null } })],
  ['/issuers/0/mappings/0/match/sub', withMapping({ match: { sub: [] } })],
  ['/issuers/0/mappings/0/match/sub/0', withMapping({ match: { sub: [1.5] } })],
  [
    '/issuers/0/mappings/0/match/sub/prefix',
    withMapping({ match: { sub: { prefix: 'team-a' } } }),
    /ends with one of/,
  ],
  ['/issuers/0/mappings/0/match/sub/prefix', withMapping({ match: { sub: { prefix: '' } } })],
  ['/issuers/0/mappings/0/match/sub/regex', withMapping({ match: { sub: { regex: '.*' } } })],
  ['/issuers/0/mappings/0/role', withMapping({ role: 'admin' }), /one of tenant-admin/],
  ['/issuers/0/mappings/0/scopes/0', withMapping({ scopes: ['everything'] }), /a scope/],
  ['/issuers/0/mappings/0/scopes', withMapping({ scopes: ['encrypt', 'lock'] }), /does not have lock/],
  ['/issuers/0/mappings/0/name', withMapping({ name: 'a\u0007' })],
  ['/issuers/0/mappings/0/tenant', withMapping({ tenant: undefined }), /to be there/],
  ['/issuers/0/mappings/0/tenant', withMapping({ tenant: { claim: 'tid' } }), /isMultiTenant/],
  [
    '/issuers/0/mappings/0/tenant',
    withMapping({ tenant: { claim: 'tid', const: 'acme' } }, { isMultiTenant: true }),
  ],
  ['/issuers/0/mappings/0/tenant/const', withMapping({ tenant: { const: 'a b' } }), /tenant id/],
  ['/issuers/0/mappings/0/tenant', withMapping({ role: 'tenant-admin', tenant: 'all' }), /only a service/],
  ['/issuers/0/mappings/0/tenant', withMapping({ role: 'operator' }), /no tenant/],
  [
    '/issuers/0/mappings/0/match/sub',
    withMapping({ role: 'operator', tenant: undefined, match: { sub: { prefix: 'team/' } } }),
    /exact texts/,
  ],
  [
    '/issuers/0/mappings/0/match/sub',
    withMapping({ tenant: 'all', match: { a: 'b', sub: { prefix: 'team/' } } }),
    /exact/,
  ],
  ['/issuers/1/name', { issuers: [issuer, { ...issuer, issuer: 'https://other.example' }] }, /no name twice/],
  ['/issuers/1/issuer', { issuers: [issuer, { ...issuer, name: 'other' }] }, /no issuer twice/],
  [
    '/certificates/0/match/subject',
    { certificates: [{ ...mapping, match: { subject: 'CN=a' } }] },
    /known are issuer, uri/,
  ],
  [
    '/certificates/0/match',
    { certificates: [{ ...mapping, match: { issuer: `certificate:${'a'.repeat(64)}` } }] },
    /take everybody/,
  ],
  ['/certificates/0/match/issuer', { certificates: [{ ...mapping, match: { issuer: 'CN=ca', dns: 'a' } }] }],
  [
    '/certificates/0/tenant',
    { certificates: [{ ...mapping, match: { dns: 'a' }, tenant: { claim: 'dns' } }] },
  ],
]

describe('a faulty file', () => {
  test.each(faulty)('%s', (pointer, file, words = /expects/) => {
    const read = () => readIssuersFile(bytes(file))
    expect(read).toThrow(expect.objectContaining({ pointer }) as Error)
    expect(read).toThrow(words)
  })
})

test('a file may name nobody', () => {
  expect(readIssuersFile(bytes({}))).toEqual({ issuers: [], certificates: [], signIn: [] })
})

test('discovery has the address that its specification says', () => {
  const urlOf = (text: string) => readIssuersFile(bytes(withIssuer({ issuer: text }))).issuers[0]?.keys
  const url = 'https://login.example/tid/v2.0/.well-known/openid-configuration'
  expect(urlOf('https://login.example/tid/v2.0')).toEqual({ kind: 'discovery', url })
  expect(urlOf('https://login.example/tid/v2.0/')).toEqual({ kind: 'discovery', url })
})

// No token of this list names a caller, whatever its signature; and all get the same answer.
import { createHmac } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  createIssuedAuthentication,
  type IssuedAuthentication,
} from '../../src/issuers/authenticate-issued.ts'
import { readIssuersFile } from '../../src/issuers/file/read-issuers-file.ts'
import { parseJwks } from '../../src/issuers/keys/parse-jwks.ts'
import type { Trust } from '../../src/issuers/tokens/verify-jwt.ts'
import type { ClientCertificate } from '../../src/tls/client-certificate.ts'
import {
  audience,
  createTestIssuer,
  issuerUrl,
  type TestIssuer,
} from '../../../testkit/src/network/test-issuer.ts'

const seconds = () => Math.floor(Date.now() / 1_000)
const base64url = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

const listed = {
  name: 'test',
  issuer: issuerUrl,
  audiences: [audience],
  algorithms: ['ES256'],
  jwksFile: '/jwks',
  mappings: [
    {
      match: { sub: 'workload-1' },
      tenant: { const: 'acme' },
      role: 'service',
      scopes: ['encrypt:pay*'],
      name: 'w',
    },
    { match: { '/kubernetes.io/namespace': ['prod'] }, tenant: { claim: 'tid' }, role: 'service-encrypt' },
    { match: { groups: 'admins' }, role: 'operator' },
  ],
  isMultiTenant: true,
}

let issuer: TestIssuer
let other: TestIssuer
let causes: string[] = []
let found: string[] = []
let tenants = new Set(['acme', 'beta', '../x'])

function authenticationOf(changes: object = {}, ownIssuer?: string, perMinute = 0): IssuedAuthentication {
  const file = readIssuersFile(Buffer.from(JSON.stringify({ issuers: [{ ...listed, ...changes }] })))
  const keys = parseJwks(Buffer.from(issuer.jwks), ['ES256'])
  const trust: Trust = {
    issuers: file.issuers.map((each) => ({
      ...each,
      findKey(keyId: string) {
        found.push(keyId)
        return keys.get(keyId)
      },
    })),
    ownIssuer,
  }
  return createIssuedAuthentication({
    trust: () => ({ ...trust, certificates: file.certificates }),
    tenantExists: (id) => Promise.resolve(tenants.has(id)),
    onRefusedToken: ({ refusal }) => causes.push(refusal.refusal),
    ...{ now: () => new Date(), clock: () => performance.now(), perMinute, replicas: () => 1 },
    onRefused: () => undefined,
  })
}

beforeAll(async () => {
  issuer = await createTestIssuer()
  other = await createTestIssuer('k1')
})
afterEach(() => {
  causes = []
  found = []
  tenants = new Set(['acme', 'beta', '../x'])
})

const ask = async (token: string, authentication = authenticationOf(), shown?: ClientCertificate) =>
  authentication.ofJwt(
    token,
    () => '192.0.2.1',
    () => shown,
  )

type Make = () => Promise<string> | string
const changed =
  (claims: Record<string, unknown>, header?: Record<string, unknown>): Make =>
  () =>
    issuer.sign(claims, header)
const header = () => JSON.stringify({ alg: 'ES256', kid: 'k1' })
const payload = (more = '') =>
  `{"iss":"${issuerUrl}","aud":"${audience}","sub":"workload-1","iat":${seconds()},"exp":${seconds() + 60}${more}}`

const bad: [name: string, cause: string, make: Make][] = [
  ['no signature', 'malformed', async () => (await issuer.sign()).replace(/[^.]*$/, '')],
  [
    'alg none',
    'malformed',
    async () => `${base64url({ alg: 'none', kid: 'k1' })}.${(await issuer.sign()).split('.')[1]}.`,
  ],
  [
    'alg none with a signature',
    'algorithm',
    async () => {
      const [, claims, signature] = (await issuer.sign()).split('.')
      return `${base64url({ alg: 'none', kid: 'k1' })}.${claims}.${signature}`
    },
  ],
  [
    'HS256 by the public key',
    'algorithm',
    () => {
      const text = `${base64url({ alg: 'HS256', kid: 'k1' })}.${Buffer.from(payload()).toString('base64url')}`
      return `${text}.${createHmac('sha256', issuer.jwks).update(text).digest('base64url')}`
    },
  ],
  ['the key of another issuer', 'signature', () => other.sign()],
  [
    'a changed payload',
    'signature',
    async () => {
      const [head, , signature] = (await issuer.sign()).split('.')
      return `${head}.${Buffer.from(payload(',"groups":"admins"')).toString('base64url')}.${signature}`
    },
  ],
  ['a cut signature', 'signature', async () => (await issuer.sign()).slice(0, -4)],
  ['a padded part', 'malformed', async () => (await issuer.sign()).replace('.', '=.')],
  [
    'bits behind the end of a part',
    'malformed',
    async () => {
      const head = Buffer.from(header()).toString('base64url')
      // Its last character has two bits that mean nothing.
      expect(head).toMatch(/0$/)
      return (await issuer.signTexts(header(), payload())).replace(head, `${head.slice(0, -1)}1`)
    },
  ],
  ['four parts', 'malformed', async () => `${await issuer.sign()}.x`],
  ['more than 8 KiB', 'malformed', changed({ more: 'x'.repeat(8_192) })],
  [
    'a name twice in the payload',
    'malformed',
    () => issuer.signTexts(header(), payload(',"sub":"workload-1"')),
  ],
  [
    'a name twice in the header',
    'malformed',
    () => issuer.signTexts('{"alg":"ES256","kid":"k1","kid":"k1"}', payload()),
  ],
  ['a name twice in a claim', 'malformed', () => issuer.signTexts(header(), payload(',"a":{"b":1,"b":2}'))],
  ['a payload that is a list', 'malformed', () => issuer.signTexts(header(), '[]')],
  ['a payload with a byte order mark', 'malformed', () => issuer.signTexts(header(), `\uFEFF${payload()}`)],
  [
    'crit',
    'malformed',
    () => issuer.signTexts('{"alg":"ES256","kid":"k1","crit":["exp"],"exp":1}', payload()),
  ],
  ['b64', 'malformed', () => issuer.signTexts('{"alg":"ES256","kid":"k1","b64":false}', payload())],
  ['no kid', 'key-id', () => issuer.signTexts('{"alg":"ES256"}', payload())],
  ['a kid that is a number', 'key-id', () => issuer.signTexts('{"alg":"ES256","kid":1}', payload())],
  ['another kid', 'unknown-key', changed({}, { kid: 'k2' })],
  ['a kid of a prototype', 'unknown-key', changed({}, { kid: '__proto__' })],
  ['its own key in the header', 'signature', () => other.sign({}, { jwk: other.jwk })],
  ['typ at+jwt', 'type', changed({}, { typ: 'at+jwt' })],
  ['typ logout+jwt', 'type', changed({}, { typ: 'logout+jwt' })],
  [
    'typ that is a list',
    'type',
    () => issuer.signTexts('{"alg":"ES256","kid":"k1","typ":["JWT"]}', payload()),
  ],
  ['no iss', 'issuer', changed({ iss: undefined })],
  ['another iss', 'issuer', changed({ iss: `${issuerUrl}/` })],
  ['iss in a list', 'issuer', changed({ iss: [issuerUrl] })],
  ['no aud', 'audience', changed({ aud: undefined })],
  ['another aud', 'audience', changed({ aud: `${audience}/` })],
  ['an empty aud', 'audience', changed({ aud: [] })],
  ['aud with a number', 'audience', changed({ aud: [audience, 1] })],
  ['21 audiences', 'audience', changed({ aud: Array.from({ length: 21 }, () => audience) })],
  ['no exp', 'claims', changed({ exp: undefined })],
  ['exp as a text', 'claims', () => issuer.sign({ exp: String(seconds() + 60) })],
  ['exp 1e308', 'claims', () => issuer.signTexts(header(), payload().replace(/"exp":\d+/, '"exp":1e308'))],
  ['exp with a fraction', 'claims', () => issuer.sign({ exp: seconds() + 60.5 })],
  ['no iat', 'claims', changed({ iat: undefined })],
  ['expired', 'time', () => issuer.sign({ iat: seconds() - 600, exp: seconds() - 31 })],
  ['iat in the future', 'time', () => issuer.sign({ iat: seconds() + 90, exp: seconds() + 600 })],
  [
    'iat in the future, whatever nbf says',
    'time',
    () => issuer.sign({ iat: seconds() + 90, nbf: seconds(), exp: seconds() + 600 }),
  ],
  ['nbf in the future', 'time', () => issuer.sign({ nbf: seconds() + 90 })],
  ['nbf as a text', 'claims', () => issuer.sign({ nbf: 'soon' })],
  ['a life of more than a day', 'lifetime', () => issuer.sign({ exp: seconds() + 86_401 })],
  [
    'an end before its beginning',
    'lifetime',
    () => issuer.sign({ iat: seconds() + 20, exp: seconds() + 10 }),
  ],
  ['no sub', 'claims', changed({ sub: undefined })],
  ['an empty sub', 'claims', changed({ sub: '' })],
  ['a sub of 256 characters', 'claims', changed({ sub: 'x'.repeat(256) })],
  ['a sub with a line feed', 'claims', changed({ sub: 'workload-1\n' })],
  ['a sub that turns the direction of text', 'claims', changed({ sub: 'workload-1\u202e' })],
  ['nonce', 'id-token', changed({ nonce: 'n' })],
  ['at_hash', 'id-token', changed({ at_hash: 'h' })],
  ['azp, where no party is listed', 'authorized-party', changed({ azp: 'client' })],
  ['client_id, where no party is listed', 'authorized-party', changed({ client_id: 'client' })],
  ['a cnf that is not known', 'binding', changed({ cnf: { jkt: 'x' } })],
  ['a cnf that is a text', 'binding', changed({ cnf: 'x' })],
  ['a cnf without its certificate', 'binding', changed({ cnf: { 'x5t#S256': 'A'.repeat(43) } })],
  ['nobody that is mapped', 'mapping', changed({ sub: 'workload-10' })],
  ['a claim of another type', 'mapping', changed({ sub: 'w', groups: { admins: true } })],
  [
    'a tenant that is no tenant id',
    'tenant',
    changed({ sub: 'w', 'kubernetes.io': { namespace: 'prod' }, tid: '../x' }),
  ],
  ['no claim of the tenant', 'tenant', changed({ sub: 'w', 'kubernetes.io': { namespace: 'prod' } })],
  [
    'a tenant that is unknown',
    'tenant',
    changed({ sub: 'w', 'kubernetes.io': { namespace: 'prod' }, tid: 'gamma' }),
  ],
]

describe('a bad token', () => {
  test.each(bad)('%s: %s', async (_, cause, make) => {
    const token = await make()
    await expect(ask(token)).rejects.toMatchObject({
      code: 'ERR_UNAUTHENTICATED',
      message: 'The access token is missing or not valid.',
    })
    expect(causes).toEqual([cause])
  })

  test('of an issuer of another family of algorithms is refused before a key is looked for', async () => {
    const token = await issuer.sign()
    await expect(ask(token, authenticationOf({ algorithms: ['RS256', 'RS512'] }))).rejects.toThrow()
    expect([causes, found]).toEqual([['algorithm'], []])
  })

  test('looks for no key, if its claims are wrong already', async () => {
    await expect(ask(await issuer.sign({ aud: 'x' }))).rejects.toThrow()
    expect(found).toEqual([])
  })
})

describe('a good token', () => {
  test('names the caller of the first mapping that matches', async () => {
    const caller = await ask(await issuer.sign({ groups: ['admins'] }))
    expect(caller).toMatchObject({
      ...{ kind: 'jwt', id: `${issuerUrl}#workload-1`, name: 'w', role: 'service', tenantId: 'acme' },
      scopeTexts: ['encrypt:pay*'],
    })
    expect(caller.scopes?.has('decrypt')).toBe(false)
  })

  test.each([
    ['a-1', 'a-1'],
    ['x'.repeat(128), 'x'.repeat(128)],
    ['x'.repeat(129), expect.stringMatching(/^sha256:[0-9a-f]{64}$/)],
    ['a\u001b[2J', expect.stringMatching(/^sha256:[0-9a-f]{64}$/)],
    ['', undefined],
    [7, undefined],
  ])('is told from others by its jti %j', async (jti, tokenId) => {
    expect((await ask(await issuer.sign({ jti }))).tokenId).toEqual(tokenId)
  })

  test('may choose its tenant by a claim, where the issuer is listed as one of many', async () => {
    const claims = { sub: 'pod', 'kubernetes.io': { namespace: 'prod' }, tid: 'beta' }
    expect(await ask(await issuer.sign(claims))).toMatchObject({
      role: 'service-encrypt',
      tenantId: 'beta',
      name: 'pod',
    })
  })

  test('is an operator by an element of a list', async () => {
    expect(await ask(await issuer.sign({ sub: 'o', groups: ['x', 'admins'] }))).toMatchObject({
      role: 'operator',
      tenantId: undefined,
    })
  })

  test.each([
    ['typ JWT', () => ({}), { typ: 'JWT' }],
    ['typ application/jwt', () => ({}), { typ: 'application/jwt' }],
    ['several audiences', () => ({ aud: ['x', audience] }), {}],
    ['clocks that differ', () => ({ iat: seconds() - 600, exp: seconds() - 5 }), {}],
  ])('with %s', async (_, claims, head) => {
    expect(await ask(await issuer.sign(claims(), head))).toMatchObject({ tenantId: 'acme' })
  })

  test('of an OAuth server has its typ, and a party that is listed', async () => {
    const authentication = authenticationOf({ typ: 'at+jwt', authorizedParties: ['app'] })
    const head = { typ: 'application/at+jwt' }
    expect(await ask(await issuer.sign({ client_id: 'app' }, head), authentication)).toMatchObject({
      tenantId: 'acme',
    })
    for (const claims of [{}, { client_id: 'another' }, { client_id: 'app', azp: 'another' }]) {
      await expect(ask(await issuer.sign(claims, head), authentication)).rejects.toThrow()
    }
    await expect(ask(await issuer.sign({ client_id: 'app' }), authentication)).rejects.toThrow()
    expect(causes).toEqual(['authorized-party', 'authorized-party', 'authorized-party', 'type'])
  })

  test('of Keyhold itself is none', async () => {
    await expect(ask(await issuer.sign(), authenticationOf({}, issuerUrl))).rejects.toThrow()
    expect(causes).toEqual(['own-issuer'])
  })

  test('that is bound to a certificate holds with it alone, also when it is held', async () => {
    const thumbprint = 'A'.repeat(43)
    const certificate = {
      issuer: 'certificate:x',
      names: { dns: [], uri: [], email: [], ip: [] },
      thumbprint,
    }
    const authentication = authenticationOf({ requireCertificateBinding: true })
    const token = await issuer.sign({ cnf: { 'x5t#S256': thumbprint } })
    expect(await ask(token, authentication, certificate)).toMatchObject({ tenantId: 'acme' })
    await expect(ask(token, authentication)).rejects.toThrow()
    await expect(ask(token, authentication, { ...certificate, thumbprint: 'B'.repeat(43) })).rejects.toThrow()
    await expect(ask(await issuer.sign(), authentication)).rejects.toThrow()
    expect(causes).toEqual(['binding', 'binding', 'binding'])
  })

  test('is held: its signature is looked at once until others are trusted, and its tenant is asked for with each request', async () => {
    const authentication = authenticationOf()
    const token = await issuer.sign()
    for (let times = 0; times < 3; times++) await ask(token, authentication)
    expect(found).toHaveLength(1)
    authentication.clear()
    await ask(token, authentication)
    expect(found).toHaveLength(2)
    tenants.delete('acme')
    await expect(ask(token, authentication)).rejects.toThrow()
    expect([causes, found]).toEqual([['tenant'], ['k1', 'k1']])
  })
})

test('an address may send only so many tokens whose signature does not hold; those that were good before go on', async () => {
  const authentication = authenticationOf({}, undefined, 3)
  const good = await issuer.sign()
  await ask(good, authentication)
  const codes: string[] = []
  for (let sent = 0; sent < 5; sent++) {
    const refused = ask(await other.sign({ jti: String(sent) }), authentication)
    codes.push(
      await refused.then(
        () => '',
        (error: unknown) => (error as { code: string }).code,
      ),
    )
  }
  expect(codes).toEqual([
    ...Array<string>(3).fill('ERR_UNAUTHENTICATED'),
    ...Array<string>(2).fill('ERR_TOO_MANY_UNKNOWN_KEYS'),
  ])
  authentication.clear()
  expect(await ask(good, authentication)).toMatchObject({ tenantId: 'acme' })
  // One that nobody has seen holds as well, and one that only lacks its mapping counts for nothing.
  expect(await ask(await issuer.sign({ jti: 'new' }), authentication)).toMatchObject({ tenantId: 'acme' })
  await expect(ask(await issuer.sign({ sub: 'nobody' }), authentication)).rejects.toMatchObject({
    code: 'ERR_UNAUTHENTICATED',
  })
  await expect(ask(await issuer.sign({}, { kid: 'invented' }), authentication)).rejects.toMatchObject({
    code: 'ERR_TOO_MANY_UNKNOWN_KEYS',
  })
  // A token that is wrong without a look at its signature costs nothing, and counts for nothing.
  await expect(ask(await issuer.sign({ aud: 'x' }), authentication)).rejects.toMatchObject({
    code: 'ERR_UNAUTHENTICATED',
  })
})

test('tokens without a mapping, or whose tenant is not there, do not count against their address', async () => {
  const authentication = authenticationOf({}, undefined, 2)
  tenants.delete('acme')
  for (let sent = 0; sent < 5; sent++) {
    for (const claims of [{ sub: 'nobody' }, {}]) {
      await expect(
        ask(await issuer.sign({ ...claims, jti: String(sent) }), authentication),
      ).rejects.toMatchObject({ code: 'ERR_UNAUTHENTICATED' })
    }
  }
})

test('what was refused before others were trusted is looked at anew', async () => {
  const authentication = authenticationOf()
  const token = await issuer.sign()
  tenants.delete('acme')
  await expect(ask(token, authentication)).rejects.toThrow()
  tenants.add('acme')
  await expect(ask(token, authentication)).rejects.toThrow()
  authentication.clear()
  expect(await ask(token, authentication)).toMatchObject({ tenantId: 'acme' })
})

test('a token that was refused a moment ago costs no signature', async () => {
  const authentication = authenticationOf()
  const bad = await other.sign()
  for (let times = 0; times < 3; times++) await expect(ask(bad, authentication)).rejects.toThrow()
  expect(found).toHaveLength(1)
})

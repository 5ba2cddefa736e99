// Every route for every role and kind of caller, with and without scopes, on its own tenant, a foreign and a deleted one. The rows follow
// from the table of routes, so that no new route is left out. caller-matrix.slow.test.ts asks a whole server.
import { givenRoles, permissionsOf, routes, type Role, type Route } from '@keyhold/contract'
import { isKeyholdError } from '@keyhold/core'
import { beforeAll, expect, test } from 'vitest'
import {
  audience,
  createTestIssuer,
  issuerUrl,
  type TestIssuer,
} from '../../../testkit/src/network/test-issuer.ts'
import { callerOf } from '../../src/access/caller.ts'
import { authorize } from '../../src/http/server/authorize.ts'
import { createIssuedAuthentication } from '../../src/issuers/authenticate-issued.ts'
import { readIssuersFile } from '../../src/issuers/file/read-issuers-file.ts'
import { parseJwks } from '../../src/issuers/keys/parse-jwks.ts'
import { expectedRefusal, type MatrixCaller } from './expected-answer.ts'

interface Row extends MatrixCaller {
  name: string
}

const tenants = ['acme', 'foreign']
const asked = [undefined, 'acme', 'foreign', 'deleted']
const servicesOfAll: readonly Role[] = ['service', 'service-encrypt']

/** Each role without scopes, with none, and with each one of its permissions. */
const rows: readonly Row[] = givenRoles.flatMap((role) => {
  const tenantId = role === 'operator' ? undefined : 'acme'
  const scopes = [undefined, [], ...permissionsOf(role).map((permission) => [permission])]
  const own = scopes.map((permissions) => ({
    ...{ role, tenantId, permissions },
    name: `${role} ${permissions === undefined ? 'whole' : `with ${permissions.join()}`}`,
  }))
  const all = { role, tenantId: undefined, permissions: undefined, name: `${role} of all` }
  const gone = { role, tenantId: 'deleted', permissions: undefined, isGone: true, name: `${role} gone` }
  return [...own, ...(servicesOfAll.includes(role) ? [all] : []), ...(role === 'operator' ? [] : [gone])]
})

function mappingsOf(claim: string): object[] {
  return rows.map(({ name, role, tenantId, permissions }) => ({
    ...{ match: { [claim]: name.replaceAll(' ', '/') }, role },
    ...(permissions !== undefined && { scopes: permissions }),
    ...(role !== 'operator' && { tenant: tenantId === undefined ? 'all' : { const: tenantId } }),
  }))
}

let issuer: TestIssuer
let issued: ReturnType<typeof createIssuedAuthentication>
beforeAll(async () => {
  issuer = await createTestIssuer()
  const listed = {
    ...{ name: 'test', issuer: issuerUrl, audiences: [audience], algorithms: ['ES256'], jwksFile: '/jwks' },
    mappings: mappingsOf('sub'),
  }
  const file = readIssuersFile(
    Buffer.from(JSON.stringify({ issuers: [listed], certificates: mappingsOf('uri') })),
  )
  const keys = parseJwks(Buffer.from(issuer.jwks), ['ES256'])
  const issuers = file.issuers.map((each) => ({ ...each, findKey: (keyId: string) => keys.get(keyId) }))
  issued = createIssuedAuthentication({
    trust: () => ({ issuers, ownIssuer: undefined, certificates: file.certificates }),
    tenantExists: (id) => Promise.resolve(tenants.includes(id)),
    ...{ onRefusedToken: () => undefined, onRefused: () => undefined },
    ...{ now: () => new Date(), clock: () => performance.now(), perMinute: 0, replicas: () => 1 },
  })
})

/** Of people: server/test/people asks those. */
const withoutSessions = {
  sessions: { authenticate: () => Promise.reject(new Error('no session was shown')) },
  cookies: {
    find: () => undefined,
    authenticate: () => Promise.reject(new Error('no cookie was shown')),
  },
  links: () => Promise.reject(new Error('no link was shown')),
}

const kinds = ['an API key', 'a JWT', 'a certificate'] as const

test.each(kinds)('%s may on each route what the table says, and nothing else', async (kind) => {
  const wrong: unknown[] = []
  let tried = 0
  for (const row of rows) {
    const { name, role, tenantId, permissions: scopes } = row
    // An API key of a deleted tenant is gone from its table, which no test without a database shows.
    if (kind === 'an API key' && row.isGone === true) continue
    const text = name.replaceAll(' ', '/')
    const token = kind === 'a JWT' ? await issuer.sign({ sub: text }) : 'khk_x'
    const names = { dns: [], uri: [text], email: [], ip: [] }
    const certificate = { issuer: 'certificate:x', thumbprint: text, names }
    const caller = callerOf({ id: 'x', role, tenantId, scopes: scopes?.slice(), addresses: undefined })
    for (const [routeId, route] of Object.entries<Route>(routes)) {
      for (const tenant of asked) {
        tried++
        const code = await codeOf(() =>
          authorize(
            {
              ...{ authenticate: () => caller, issued, ...withoutSessions, now: () => new Date() },
              tenantExists: (id) => Promise.resolve(tenants.includes(id)),
            },
            route,
            {
              method: route.method,
              ...(kind !== 'a certificate' && { authorization: `Bearer ${token}` }),
              tenant,
            },
            { client: () => '192.0.2.1', full: () => '192.0.2.1' },
            () => (kind === 'a certificate' ? certificate : undefined),
          ),
        )
        const expected = expectedRefusal(row, route, tenant, tenants)
        if (code !== expected) wrong.push([routeId, name, tenant, code, expected])
      }
    }
  }
  expect(wrong.slice(0, 5).map(String)).toEqual([])
  const own = rows.filter(({ isGone }) => kind !== 'an API key' || isGone !== true)
  expect(tried).toBe(own.length * Object.keys(routes).length * asked.length)
})

test('few routes ask for no scope: whoever calls may hear who it is, sign out, and see whose installation it is', () => {
  const without = Object.entries<Route>(routes).filter(([, { needsNoScope }]) => needsNoScope === true)
  expect(without.map(([routeId]) => routeId).toSorted()).toEqual([
    ...['endSession', 'getBrand', 'getCsrfToken', 'getSession'],
  ])
})

async function codeOf(call: () => unknown): Promise<string | undefined> {
  try {
    await call()
    return undefined
  } catch (error) {
    if (!isKeyholdError(error)) throw error
    return error.code
  }
}

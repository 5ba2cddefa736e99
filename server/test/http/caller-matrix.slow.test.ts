// A whole server, over TLS: every route for every role and kind of caller, about the things of one tenant, asked by callers of that
// tenant, of another one and of one that is deleted. The rows follow from the table of routes and of roles, so that no new one is left
// out. server/test/access/caller-matrix.test.ts has the same with every scope, without a server.
import { givenRoles, permissionsOf, routes, type GivenRole as Role, type Route } from '@keyhold/contract'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTestAuthority } from '../../../testkit/src/network/test-authority.ts'
import {
  audience,
  createTestIssuer,
  issuerUrl,
  type TestIssuer,
} from '../../../testkit/src/network/test-issuer.ts'
import { ask, startTlsScene, type TlsAnswer, type TlsScene } from '../../../testkit/src/server/tls-scene.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { expectedRefusal, type MatrixCaller } from '../access/expected-answer.ts'

interface Row extends MatrixCaller {
  role: Role
  name: string
}

const own = 'acme'
const tenants = [own, 'foreign']
const servicesOfAll: readonly Role[] = ['service', 'service-encrypt']

/** Each role in each tenant: with all of its permissions, with every second one, and with none. */
const rows: readonly Row[] = givenRoles.flatMap((role) => {
  const ofRole = permissionsOf(role)
  const places = role === 'operator' ? [undefined] : [own, 'foreign', 'deleted']
  const bound = places.flatMap((tenantId) =>
    [undefined, ofRole.filter((_, index) => index % 2 === 0), []].map((permissions, index) => ({
      ...{ role, tenantId, permissions, isGone: tenantId === 'deleted' },
      name: `${role}/${tenantId ?? 'none'}/${index}`,
    })),
  )
  const all = { role, tenantId: undefined, permissions: undefined, name: `${role}/all` }
  return servicesOfAll.includes(role) ? [...bound, all] : bound
})

/** The header Keyhold-Tenant. Scopes are no matter of tenants. */
const askedBy = ({ permissions }: Row) =>
  permissions === undefined ? [undefined, own, 'foreign', 'deleted'] : [undefined, own]

const authority = createTestAuthority('authority of the callers')
const uri = (name: string) => `spiffe://example.org/${name}`
const kinds = ['an API key', 'a JWT', 'a certificate'] as const
let folder: string
let scene: TlsScene
let issuer: TestIssuer
/** Parts of answers about the tenant, which must not be told to others. */
let things: Record<string, string>
const keys = new Map<string, string>()

function mappingsOf(claim: string, of: (name: string) => string): object[] {
  return rows.map(({ name, role, tenantId, permissions }) => ({
    ...{ match: { [claim]: of(name) }, role },
    ...(permissions !== undefined && { scopes: permissions }),
    ...(role !== 'operator' && { tenant: tenantId === undefined ? 'all' : { const: tenantId } }),
  }))
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-matrix-'))
  const [jwksFile, file] = [path.join(folder, 'jwks'), path.join(folder, 'issuers')]
  issuer = await createTestIssuer()
  const listed = {
    ...{ name: 'test', issuer: issuerUrl, audiences: [audience], algorithms: ['ES256'], jwksFile },
    mappings: mappingsOf('sub', String),
  }
  await writeFile(jwksFile, issuer.jwks)
  await writeFile(file, JSON.stringify({ issuers: [listed], certificates: mappingsOf('uri', uri) }))
  scene = await startTlsScene(authority.certificate, { KEYHOLD_ISSUERS_FILE: file })
  const { server } = scene
  const operator = openClient(server.url, server.operatorToken)
  for (const id of [...tenants, 'deleted']) await operator.call('createTenant', { body: { id, name: id } })
  for (const { name, role, tenantId, permissions } of rows) {
    const body = {
      ...{ role, name },
      ...(tenantId !== undefined && { tenantId }),
      ...(permissions !== undefined && { scopes: [...permissions] }),
    }
    keys.set(name, (await operator.call('createApiKey', { body })).body.key)
  }
  things = await makeThings()
  await operator.call('deleteTenant', { params: { tenantId: 'deleted' } })
})
afterAll(async () => {
  await scene.end()
  await rm(folder, { recursive: true })
})

/** One thing of the tenant for each parameter of a path. */
async function makeThings(): Promise<Record<string, string>> {
  const { server } = scene
  const [admin, service] = ['tenant-admin', 'service'].map((role) =>
    openClient(server.url, keys.get(`${role}/${own}/0`) ?? ''),
  )
  const operator = openClient(server.url, server.operatorToken)
  if (admin === undefined || service === undefined) throw new Error('there are no callers')
  const arn = await server.createCustomerKey()
  const { arnFingerPrint } = (await admin.call('createKeyProvider', { body: { name: 'secret-name', arn } }))
    .body
  await service.call('encrypt', { body: { items: [{ plaintext: 'AAAA', keyName: 'secret-key-name' }] } })
  const apiKey = { role: 'service', tenantId: own, name: 'secret-caller' } as const
  const params = { keyName: 'secret-key-name' }
  return {
    ...{ arnFingerPrint, tenantId: own, keyName: params.keyName },
    migrationId: (await admin.call('rotateTenantKey')).body.id,
    apiKeyId: (await operator.call('createApiKey', { body: apiKey })).body.id,
    destructionId: (await admin.call('destroyDataKey', { params, body: { inDays: 30 } })).body.id,
  }
}

interface Asked {
  token: string | undefined
  agent: Agent
}

async function shownBy(kind: (typeof kinds)[number], name: string): Promise<Asked> {
  if (kind === 'a certificate') {
    const { key, certificate: cert } = authority.issue([uri(name)])
    return { token: undefined, agent: new Agent({ keepAlive: true, maxSockets: 1, key, cert }) }
  }
  const token = kind === 'a JWT' ? await issuer.sign({ sub: name }) : keys.get(name)
  return { token, agent: new Agent({ keepAlive: true, maxSockets: 1 }) }
}

const placeOf = (template: string) =>
  template.replaceAll(/:([A-Za-z]+)/g, (_all, name: string) => things[name] ?? '')

async function send({ method, path: template }: Route, { token, agent }: Asked, tenant: string | undefined) {
  const place = placeOf(template)
  return ask(scene.server.url + place, {
    ...{ agent, method },
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(tenant !== undefined && { 'keyhold-tenant': tenant }),
    },
  })
}

function codeOf({ status, text }: TlsAnswer): string | undefined {
  return status < 400 ? undefined : (JSON.parse(text) as { errors: { code: string }[] }).errors[0]?.code
}

const secretsOfTenant = () => [
  ...Object.entries(things).flatMap(([name, text]) => (name === 'tenantId' ? [] : [text])),
  ...['secret-name', 'secret-caller'],
]
// Thousands of requests, on a machine that may have other work.
const timeoutMs = 1_200_000
const ofCallers = ['ERR_UNAUTHENTICATED', 'ERR_FORBIDDEN', 'ERR_SCOPE_MISSING']

test.each(kinds)(
  '%s that is refused is refused on every route, and hears nothing of the tenant',
  async (kind) => {
    const wrong: string[] = []
    let tried = 0
    for (const row of rows) {
      const shown = await shownBy(kind, row.name)
      for (const [routeId, route] of Object.entries<Route>(routes)) {
        for (const asked of askedBy(row)) {
          const expected = expectedRefusal(row, route, asked, tenants)
          // Whatever is allowed to callers of the tenant, and to those of all, has a test of its own.
          const isForeign = row.tenantId === 'foreign'
          if (expected === undefined && !isForeign) continue
          tried++
          const answer = await send(route, shown, asked)
          // Whatever the path has is no news.
          const told = secretsOfTenant().filter(
            (text) => answer.text.includes(text) && !placeOf(route.path).includes(text),
          )
          if (told.length > 0 || (expected !== undefined && codeOf(answer) !== expected))
            wrong.push([routeId, row.name, asked, answer.status, codeOf(answer), expected, ...told].join(' '))
          const names = [...route.path.matchAll(/:([A-Za-z]+)/g)]
          if (isForeign && names.length > 0 && answer.status < 400)
            wrong.push(`${routeId} ${row.name} changes or shows what is not its own: ${answer.status}`)
        }
      }
      shown.agent.destroy()
    }
    process.stdout.write(`${kind}: ${tried} refusals\n`)
    expect(wrong).toEqual([])
    expect(tried).toBeGreaterThan(Object.keys(routes).length * rows.length)
  },
  timeoutMs,
)

// These do what they say to the things that the others are about: they come last.
test.each(kinds)(
  '%s that is not refused gets past the checks of callers',
  async (kind) => {
    const wrong: string[] = []
    let tried = 0
    const kept = { ...things }
    // Nobody has these, so that what is allowed ends and deletes nothing.
    const none = '0'.repeat(16)
    things = { ...things, arnFingerPrint: none.repeat(2), migrationId: none, destructionId: none }
    things = { ...things, apiKeyId: none, keyName: 'none', tenantId: 'none' }
    for (const row of rows) {
      const shown = await shownBy(kind, row.name)
      for (const [routeId, route] of Object.entries<Route>(routes)) {
        for (const asked of askedBy(row)) {
          if (expectedRefusal(row, route, asked, tenants) !== undefined) continue
          tried++
          const code = codeOf(await send(route, shown, asked)) ?? ''
          if (ofCallers.includes(code)) wrong.push([routeId, row.name, asked, code].join(' '))
        }
      }
      shown.agent.destroy()
    }
    things = kept
    process.stdout.write(`${kind}: ${tried} requests past the checks\n`)
    expect(wrong).toEqual([])
    expect(tried).toBeGreaterThan(Object.keys(routes).length)
  },
  timeoutMs,
)

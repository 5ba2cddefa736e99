// Setup links at a whole server: opening one spends nothing, one is alive at a time, and its holder brings a key and does nothing else.
import { limits, routeIds, routes, type Route, type RouteId } from '@keyhold/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  startTestServer,
  type HttpAnswer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { at, errorCode, listAt, textAt } from '../http/read-body.ts'
import { details, providers, waitUntil } from '../http/scene.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const linksPath = '/api/v1/setup-links'

interface Link {
  id: string
  secret: string
}

async function makeLink(token = tenant.adminToken, body: object = {}): Promise<Link> {
  const { status, body: made } = await server.request('POST', linksPath, {
    token,
    body: { intent: 'key-provider', ...body },
  })
  expect(status).toBe(201)
  const [page, secret = ''] = textAt(made, 'url').split('#')
  expect(page).toBe(`${server.url}/console/setup`)
  return { id: textAt(made, 'id'), secret }
}

const use = ({ secret }: Link) =>
  server.request('POST', '/api/v1/sessions', { token: secret, body: { kind: 'cli' } })
const over = async (link: Link) => {
  const { status, body } = await use(link)
  expect([status, errorCode(body)]).toEqual([404, 'ERR_LINK_OVER'])
}
const isIn = async (token: string) =>
  (await server.request('GET', '/api/v1/session', { token })).status === 200

test('a scanner that opens a link a hundred times spends nothing; a POST spends it, once', async () => {
  const link = await makeLink()
  for (let round = 0; round < 100; round++) await fetch(`${server.url}/console/setup`)
  for (const path of ['/api/v1/sessions', '/api/v1/session', linksPath, providers]) {
    expect((await server.request('GET', path, { token: link.secret })).status).toBe(401)
  }
  const { body } = await use(link)
  expect(await isIn(textAt(body, 'token'))).toBe(true)
  await over(link)
  const { body: list } = await server.request('GET', linksPath, { token: tenant.adminToken })
  expect(listAt(list, 'setupLinks')).toMatchObject([{ id: link.id, uses: 1, maxUses: 1 }])
})

test('two that spend it at the same moment: one gets in', async () => {
  const link = await makeLink()
  const statuses = await Promise.all([use(link), use(link), use(link)])
  expect(statuses.map(({ status }) => status).toSorted()).toEqual([201, 404, 404])
})

test('a link for colleagues begins as many sessions as its creator has said', async () => {
  const link = await makeLink(tenant.adminToken, { maxUses: 2 })
  expect([(await use(link)).status, (await use(link)).status]).toEqual([201, 201])
  await over(link)
})

test('a newer link of the tenant ends the one before, and its sessions; so does withdrawing it', async () => {
  const first = await makeLink()
  const session = textAt((await use(first)).body, 'token')
  const second = await makeLink(server.operatorToken, { tenantId: tenant.tenantId })
  expect(await isIn(session)).toBe(false)
  await over(first)
  const other = await server.createTenant()
  const foreign = await server.request('DELETE', `${linksPath}/${second.id}`, { token: other.adminToken })
  expect([foreign.status, errorCode(foreign.body)]).toEqual([404, 'ERR_SETUP_LINK_NOT_FOUND'])
  const used = textAt((await use(second)).body, 'token')
  expect(
    (await server.request('DELETE', `${linksPath}/${second.id}`, { token: tenant.adminToken })).status,
  ).toBe(204)
  expect(await isIn(used)).toBe(false)
  const { body } = await server.request('GET', '/api/v1/encryption/audits?limit=1000', {
    token: tenant.adminToken,
  })
  const told = listAt(body, 'audits').filter((each) =>
    [first.id, second.id].includes(textAt(each, 'target', 'id')),
  )
  expect(told.map((each) => [at(each, 'action'), at(each, 'details', 'reason')])).toEqual([
    ['setuplink.create', undefined],
    ['setuplink.use', undefined],
    ['setuplink.end', 'replaced'],
    ['setuplink.create', undefined],
    ['setuplink.use', undefined],
    ['setuplink.end', 'withdrawn'],
  ])
})

test('an admin makes links of its own tenant alone, and none that may do more than its key', async () => {
  const other = await server.createTenant()
  const body = { intent: 'key-provider', tenantId: other.tenantId }
  const foreign = await server.request('POST', linksPath, { token: tenant.adminToken, body })
  expect([foreign.status, errorCode(foreign.body)]).toEqual([404, 'ERR_TENANT_NOT_FOUND'])
  const scoped = await server.request('POST', '/api/v1/api-keys', {
    token: server.operatorToken,
    body: { role: 'tenant-admin', tenantId: tenant.tenantId, scopes: ['manage-setup-links'] },
  })
  const wider = await server.request('POST', linksPath, {
    token: textAt(scoped.body, 'key'),
    body: { intent: 'key-provider' },
  })
  expect([wider.status, errorCode(wider.body)]).toEqual([403, 'ERR_API_KEY_TOO_WIDE'])
})

test('nobody is given the role of a link', async () => {
  const body = { role: 'setup', tenantId: tenant.tenantId }
  const made = await server.request('POST', '/api/v1/api-keys', { token: server.operatorToken, body })
  expect(made.status).toBe(400)
})

test('a row with its uses taken back is none', async () => {
  const link = await makeLink()
  await use(link)
  await server.query('update keyhold.setup_links set uses = 0 where id = $1', [link.id])
  await over(link)
})

// All that the holder of a link may ask. Whoever adds a route decides here.
const mayAsk: readonly RouteId[] = [
  ...(['getSession', 'endSession', 'getCsrfToken', 'createSession', 'getBrand'] as const),
  ...(['getKeyPolicy', 'checkKeyProvider', 'createKeyProvider', 'testKeyProvider'] as const),
  ...(['listKeyProviders', 'listAllKeyProviders', 'getKeyProvider', 'getKeyProviderHealth'] as const),
  ...(['planMigration', 'migrateToKeyProvider', 'getMigrationDetails'] as const),
  ...(['getMigration', 'watchMigration', 'getMigrationReport'] as const),
]

describe('the holder of a link', () => {
  let token: string
  let ofOther: TestTenant
  beforeAll(async () => {
    token = textAt((await use(await makeLink())).body, 'token')
    ofOther = await server.createTenant()
  })

  const ask = (id: RouteId, headers: Record<string, string> = {}): Promise<HttpAnswer> => {
    const { method, path }: Route = routes[id]
    const named = path.replaceAll(/:tenantId/g, tenant.tenantId).replaceAll(/:[A-Za-z]+/g, '0'.repeat(32))
    const body = method === 'GET' || method === 'DELETE' ? {} : { body: {} }
    return server.request(method, named, { token, headers, ...body })
  }

  const others = routeIds.filter((id) => !mayAsk.includes(id))
  test.each(others)('may not ask %s', async (id) => {
    const { status, body } = await ask(id)
    expect([status, errorCode(body)]).toEqual([403, 'ERR_FORBIDDEN'])
  })

  test.each(mayAsk.filter((id) => id !== 'endSession'))(
    'may ask %s, and not for another tenant',
    async (id) => {
      const { body } = await ask(id)
      if (body !== undefined && 'errors' in (body as object))
        expect(errorCode(body)).not.toBe('ERR_FORBIDDEN')
      const foreign = await ask(id, { 'keyhold-tenant': ofOther.tenantId })
      expect(foreign.status).toBeGreaterThanOrEqual(400)
    },
  )

  test('brings a key from the policy to the end of the migration', async () => {
    const as = (method: string, path: string, body?: object) =>
      server.request(method, path, { token, ...(body && { body }) })
    const arn = await server.createCustomerKey([tenant.tenantId])
    expect((await as('GET', `/api/v1/encryption/policy?arn=${arn}`)).status).toBe(200)
    expect((await as('POST', `${providers}/actions/check`, { arn })).status).toBe(200)
    const registered = await as('POST', providers, { name: 'ours', arn })
    expect(registered.status).toBe(201)
    const path = `${providers}/${textAt(registered.body, 'arnFingerPrint')}`
    expect((await as('POST', `${path}/actions/plan-migration`)).status).toBe(200)
    expect((await as('POST', `${path}/actions/migrate`)).status).toBe(200)
    await waitUntil(async () => at((await as('GET', details)).body, 'state') === 'Completed', 60_000)
    // And cannot take it away again.
    expect((await as('DELETE', path)).status).toBe(403)
  })
})

test('a link works for an hour at least, and thirty days at most', async () => {
  for (const expiresInSeconds of [limits.minSetupLinkSeconds - 1, limits.maxSetupLinkSeconds + 1]) {
    const { status } = await server.request('POST', linksPath, {
      token: tenant.adminToken,
      body: { intent: 'key-provider', expiresInSeconds },
    })
    expect(status).toBe(400)
  }
})

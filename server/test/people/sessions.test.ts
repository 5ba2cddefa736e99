// Sessions at a whole server: an API key is exchanged for one, a browser keeps it in a cookie, and it never outlives its key.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startSecondReplica } from '../../../testkit/src/server/start-second-replica.ts'
import {
  startTestServer,
  type HttpAnswer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { at, errorCode, listAt, textAt } from '../http/read-body.ts'
import { waitUntil } from '../http/scene.ts'
import { requestAs } from './request-as.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const sessionsPath = '/api/v1/sessions'
const locks = '/api/v1/encryption/actions'

/** An API key of the tenant that is this test's alone. */
async function newKey(body: object = {}): Promise<{ id: string; token: string }> {
  const made = await server.request('POST', '/api/v1/api-keys', {
    token: server.operatorToken,
    body: { role: 'tenant-admin', tenantId: tenant.tenantId, ...body },
  })
  return { id: textAt(made.body, 'id'), token: textAt(made.body, 'key') }
}

interface Browser {
  id: string
  /** As the browser sends it. */
  cookie: string
  setCookie: string
  ask(method: string, path: string, headers?: Record<string, string>, body?: unknown): Promise<HttpAnswer>
  csrf(): Promise<Record<string, string>>
}

async function signIn(token: string, headers: Record<string, string> = {}): Promise<Browser> {
  const made = await server.request('POST', sessionsPath, { token, body: {}, headers })
  expect(made.status).toBe(201)
  const setCookie = made.headers.get('set-cookie') ?? ''
  const cookie = setCookie.split(';')[0] ?? ''
  const ask: Browser['ask'] = (method, path, more = {}, body) =>
    server.request(method, path, { headers: { cookie, ...more }, body })
  return {
    ...{ id: textAt(made.body, 'id'), cookie, setCookie, ask },
    async csrf() {
      const answer = await ask('GET', '/api/v1/csrf-token')
      expect(answer.status).toBe(204)
      return { 'qlik-csrf-token': answer.headers.get('qlik-csrf-token') ?? '' }
    },
  }
}

const signInCli = async (token: string) =>
  (await server.request('POST', sessionsPath, { token, body: { kind: 'cli' } })).body

test('an API key is exchanged for a cookie that scripts and other sites do not get, and that tells no more than the key', async () => {
  const { id, token } = await newKey()
  const browser = await signIn(token)
  expect(browser.setCookie).toMatch(
    /^kh_session=khs_\w{66}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/,
  )
  const { status, body, text } = await browser.ask('GET', '/api/v1/session')
  expect(status).toBe(200)
  expect(body).toMatchObject({
    caller: { kind: 'api-key', id, role: 'tenant-admin' },
    tenant: { id: tenant.tenantId },
    session: { id: browser.id, kind: 'browser', idleSeconds: 1_800 },
  })
  expect(at(body, 'permissions')).toContain('lock')
  expect(text).not.toContain('khs_')
})

test('who calls with an access token is told the same, whatever its scopes', async () => {
  const { token } = await newKey({ scopes: ['lock'] })
  const { body } = await server.request('GET', '/api/v1/session', { token })
  expect(at(body, 'permissions')).toEqual(['lock'])
  expect(at(body, 'session')).toBeUndefined()
  const ended = await server.request('DELETE', '/api/v1/session', { token })
  expect([ended.status, errorCode(ended.body)]).toEqual([404, 'ERR_SESSION_NOT_FOUND'])
})

test('services, scoped keys and sessions themselves are exchanged for nothing', async () => {
  const refused = async (token: string) => {
    const { status, body } = await server.request('POST', sessionsPath, { token, body: { kind: 'cli' } })
    return [status, errorCode(body)]
  }
  expect(await refused(tenant.serviceToken)).toEqual([403, 'ERR_FORBIDDEN'])
  expect(await refused((await newKey({ scopes: ['lock'] })).token)).toEqual([403, 'ERR_SCOPE_MISSING'])
  const session = textAt(await signInCli((await newKey()).token), 'token')
  expect(await refused(session)).toEqual([403, 'ERR_SIGN_IN_OFF'])
})

describe('a page that calls with a cookie', () => {
  const own = () => server.url
  let browser: Browser
  let csrf: Record<string, string>
  beforeAll(async () => {
    browser = await signIn((await newKey()).token)
    csrf = await browser.csrf()
  })

  const cases: [string, () => Record<string, string>, string | undefined][] = [
    ['without the CSRF token', () => ({}), 'CSRF-TOKEN-2'],
    ['with another CSRF token', () => ({ 'qlik-csrf-token': 'x'.repeat(43) }), 'CSRF-TOKEN-2'],
    ['with the token, from a program that tells no page', () => csrf, undefined],
    ['of its own', () => ({ ...csrf, origin: own(), 'sec-fetch-site': 'same-origin' }), undefined],
    ['of another origin', () => ({ ...csrf, origin: 'https://evil.example' }), 'ERR_FOREIGN_ORIGIN'],
    ['of no origin', () => ({ ...csrf, origin: 'null' }), 'ERR_FOREIGN_ORIGIN'],
    ['of another port', () => ({ ...csrf, origin: 'http://127.0.0.1:1' }), 'ERR_FOREIGN_ORIGIN'],
    ['of a neighbour', () => ({ ...csrf, 'sec-fetch-site': 'same-site' }), 'ERR_FOREIGN_ORIGIN'],
    ['of another site', () => ({ ...csrf, 'sec-fetch-site': 'cross-site' }), 'ERR_FOREIGN_ORIGIN'],
    ['by an address that was typed', () => ({ ...csrf, 'sec-fetch-site': 'none' }), 'ERR_FOREIGN_ORIGIN'],
  ]
  test.each(cases)('%s', async (_name, headers, code) => {
    const { status, body } = await browser.ask('POST', `${locks}/unlock`, headers())
    expect(code === undefined ? status : errorCode(body)).toBe(code ?? 200)
  })

  test('may be read where a person has typed its address, and by no other site', async () => {
    const read = async (fetchSite: string) =>
      (await browser.ask('GET', '/api/v1/session', { 'sec-fetch-site': fetchSite })).status
    expect([await read('none'), await read('same-origin'), await read('same-site')]).toEqual([200, 200, 403])
  })

  test('uses the CSRF token of its own session alone', async () => {
    const other = await signIn((await newKey()).token)
    const { body } = await other.ask('POST', `${locks}/unlock`, csrf)
    expect(errorCode(body)).toBe('CSRF-TOKEN-2')
  })

  test('sends a cookie or an access token, not both, and one cookie of the name', async () => {
    const both = await browser.ask('GET', '/api/v1/session', { authorization: `Bearer ${tenant.adminToken}` })
    expect([both.status, errorCode(both.body)]).toEqual([400, 'ERR_INVALID_REQUEST'])
    const twice = await browser.ask('GET', '/api/v1/session', {
      cookie: `${browser.cookie}; kh_session=khs_tossed`,
    })
    expect(twice.status).toBe(401)
    // Signing in anew is the way out of a stale cookie.
    expect((await signIn((await newKey()).token, { cookie: browser.cookie })).id).not.toBe(browser.id)
  })

  test('is of this machine: a name that somebody points here gets no session', async () => {
    const { token } = await newKey()
    const rebound = { host: 'evil.example' }
    const made = await requestAs(server.url, 'POST', sessionsPath, {
      ...{ ...rebound, 'content-type': 'application/json', authorization: `Bearer ${token}` },
    })
    expect(made).toEqual({ status: 409, code: 'ERR_PUBLIC_URL_NOT_SET' })
    const used = await requestAs(server.url, 'GET', '/api/v1/session', { ...rebound, cookie: browser.cookie })
    expect(used).toEqual({ status: 401, code: 'ERR_UNAUTHENTICATED' })
  })
})

test('a cookie is no access token, and an access token of a session no cookie', async () => {
  const { token } = await newKey()
  const browser = await signIn(token)
  const secret = browser.cookie.replace('kh_session=', '')
  expect((await server.request('GET', '/api/v1/session', { token: secret })).status).toBe(401)
  const cli = textAt(await signInCli(token), 'token')
  expect((await server.request('GET', '/api/v1/session', { token: cli })).status).toBe(200)
  expect((await browser.ask('GET', '/api/v1/session', { cookie: `kh_session=${cli}` })).status).toBe(401)
  const csrf = await server.request('GET', '/api/v1/csrf-token', { token: cli })
  expect([csrf.status, errorCode(csrf.body)]).toEqual([400, 'CSRF-TOKEN-4'])
})

test('signing out ends the cookie and the session; everywhere, all sessions of the key', async () => {
  const { token } = await newKey()
  const [one, two, three] = [await signIn(token), await signIn(token), await signIn(token)]
  const out = await one.ask('DELETE', '/api/v1/session', await one.csrf())
  expect(out.status).toBe(204)
  expect(out.headers.get('set-cookie')).toMatch(/^kh_session=; Path=\/; Max-Age=0;/)
  expect((await one.ask('GET', '/api/v1/session')).status).toBe(401)
  expect((await two.ask('GET', '/api/v1/session')).status).toBe(200)
  await three.ask('DELETE', '/api/v1/session?all=true', await three.csrf())
  expect((await two.ask('GET', '/api/v1/session')).status).toBe(401)
})

test('a session ends with its API key, at once, and another replica hears of it', async () => {
  const { id, token } = await newKey()
  const session = textAt(await signInCli(token), 'token')
  const replica = await startSecondReplica(server, {}, { apiKeyPollMs: 60_000 })
  const onOther = () =>
    fetch(`${replica.url}/api/v1/session`, { headers: { authorization: `Bearer ${session}` } })
  try {
    expect((await onOther()).status).toBe(200)
    await server.request('DELETE', `/api/v1/api-keys/${id}`, { token: server.operatorToken })
    expect((await server.request('GET', '/api/v1/session', { token: session })).status).toBe(401)
    await waitUntil(async () => (await onOther()).status === 401, 2_000)
  } finally {
    await replica.stop()
  }
})

test('administrators see the sessions of their tenant and end them; the audit trail names whose they were', async () => {
  const { id, token } = await newKey({ name: 'of Mara' })
  const browser = await signIn(token)
  const { body } = await server.request('GET', `${sessionsPath}?limit=1000`, { token: tenant.adminToken })
  const listed = listAt(body, 'sessions').find((each) => at(each, 'id') === browser.id)
  expect(listed).toMatchObject({ kind: 'browser', owner: id, name: 'of Mara', role: 'tenant-admin' })
  const other = await server.createTenant()
  const foreign = await server.request('DELETE', `${sessionsPath}/${browser.id}`, { token: other.adminToken })
  expect([foreign.status, errorCode(foreign.body)]).toEqual([404, 'ERR_SESSION_NOT_FOUND'])
  const ended = await server.request('DELETE', `${sessionsPath}/${browser.id}`, { token: tenant.adminToken })
  expect(ended.status).toBe(204)
  expect((await browser.ask('GET', '/api/v1/session')).status).toBe(401)
  const trail = await server.request('GET', '/api/v1/encryption/audits?limit=1000', {
    token: tenant.adminToken,
  })
  const records = listAt(trail.body, 'audits').filter((each) => at(each, 'target', 'id') === browser.id)
  expect(records).toMatchObject([
    { action: 'session.begin', actor: { id } },
    { action: 'session.end', details: { count: '1', owner: id } },
  ])
})

test('what is done in a session names it in the audit trail', async () => {
  const { id, token } = await newKey()
  const browser = await signIn(token)
  await browser.ask('POST', `${locks}/lock`, await browser.csrf())
  await browser.ask('POST', `${locks}/unlock`, await browser.csrf())
  const trail = await server.request('GET', '/api/v1/encryption/audits?limit=1000', {
    token: tenant.adminToken,
  })
  expect(listAt(trail.body, 'audits').at(-1)).toMatchObject({
    action: 'tenant.unlock',
    ...{ actor: { id }, details: { sessionId: browser.id } },
  })
})

test('a row that somebody has changed or copied is no session', async () => {
  const { token } = await newKey({ role: 'auditor' })
  const browser = await signIn(token)
  await server.query(`update keyhold.sessions set role = 'tenant-admin' where id = $1`, [browser.id])
  await waitUntil(async () => (await browser.ask('GET', '/api/v1/session')).status === 401, 4_000)
})

test('a link of this machine signs in once, and only by a POST', async () => {
  const link = await server.createSignInLink(tenant.adminToken)
  const [page = '', secret = ''] = link.split('#')
  expect(page).toBe(`${server.url}/console`)
  const use = async () => server.request('POST', sessionsPath, { token: secret, body: {} })
  // The page may be installed. Programs that look at links read it, and send no secret.
  for (let count = 0; count < 3; count++) expect((await fetch(page)).headers.get('set-cookie')).toBeNull()
  for (const path of [sessionsPath, '/api/v1/session'])
    expect((await server.request('GET', path, { token: secret })).status).not.toBe(200)
  const malformed = await server.request('POST', sessionsPath, { token: secret, body: { kind: 'other' } })
  expect(malformed.status).toBe(400)
  expect((await use()).status).toBe(201)
  const again = await use()
  expect([again.status, errorCode(again.body)]).toEqual([404, 'ERR_LINK_OVER'])
})

test('whoever has just signed in may make API keys', async () => {
  const fresh = await signIn((await newKey()).token)
  const made = await fresh.ask('POST', '/api/v1/api-keys', await fresh.csrf(), {
    ...{ role: 'service', tenantId: tenant.tenantId },
  })
  expect(made.status).toBe(201)
})

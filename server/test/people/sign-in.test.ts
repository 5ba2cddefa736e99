// The sign-in with a real identity provider, from the first redirect to the logout that the provider tells of.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import {
  startTestIdentityProvider,
  type TestIdentityProvider,
} from '../../../testkit/src/network/test-identity-provider.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { at, errorCode, listAt } from '../http/read-body.ts'
import { openBrowser, type Browser } from './browse.ts'

let folder: string
let idp: TestIdentityProvider
let server: TestServer
let tenant: TestTenant
const lines: string[] = []
/** Logout tokens that were sent. */
const tokens: string[] = []
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'keyhold-sign-in-'))
  idp = await startTestIdentityProvider()
  await writeFile(path.join(folder, 'ca.pem'), idp.ca)
  await writeFile(path.join(folder, 'secret'), `${idp.clientSecret}\n`)
  const file = {
    signIn: [
      {
        ...{ name: 'test', label: 'Test & Co', issuer: idp.issuer, clientId: idp.clientId },
        ...{ clientSecretFile: path.join(folder, 'secret'), caFile: path.join(folder, 'ca.pem') },
        mappings: [
          { match: { groups: 'keyhold-operators' }, role: 'operator' },
          { match: { groups: ['acme-admins'] }, role: 'tenant-admin', tenant: { const: 'acme' } },
        ],
      },
      {
        ...{ name: 'other', issuer: `${idp.issuer}/other`, clientId: 'x' },
        mappings: [{ match: { sub: 'x' }, role: 'operator' }],
      },
    ],
  }
  await writeFile(path.join(folder, 'issuers.json'), JSON.stringify(file))
  const logger = pino({ level: 'info' }, { write: (line: string) => lines.push(line) })
  server = await startTestServer(
    { KEYHOLD_ISSUERS_FILE: path.join(folder, 'issuers.json'), KEYHOLD_PRIVATE_HOSTS: idp.privateHost },
    { logger },
  )
  idp.admit(`${server.url}/login/callback/test`)
  tenant = await server.createTenant('acme')
})
afterAll(async () => {
  await server.stop()
  await idp.close()
  await rm(folder, { recursive: true, force: true })
})

let browser: Browser
beforeEach(() => {
  browser = openBrowser(idp.ca)
  idp.next = { subject: 'mara', claims: { name: 'Mara Lind', groups: ['all', 'acme-admins'] } }
})

const login = (query = '') => `${server.url}/login?provider=test${query}`
const callback = () => `${server.url}/login/callback/test`
const session = (from = browser) => {
  const value = from.cookie(server.url, 'kh_session')
  const headers: Record<string, string> = value === undefined ? {} : { cookie: `kh_session=${value}` }
  return server.request('GET', '/api/v1/session', { headers })
}

test('a person signs in with the role of the group, and is named by issuer and subject', async () => {
  const page = await browser.open(login('&return_to=/console/keys?tab=1'))
  expect([page.status, page.url.split('?')[0]]).toEqual([200, callback()])
  expect(page.text).toContain('content="0; url=/console/keys?tab=1"')
  expect(page.headers['content-security-policy']).toContain("default-src 'none'")
  expect(page.headers['referrer-policy']).toBe('no-referrer')
  const cookies = [page.headers['set-cookie']].flat().join('\n')
  expect(cookies).toMatch(/^kh_login=; Path=\/; Max-Age=0; HttpOnly; SameSite=Lax$/m)
  expect(cookies).toMatch(/^kh_session=khs_\w+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/m)
  const { body } = await session()
  expect(body).toMatchObject({
    caller: { kind: 'person', id: `${idp.issuer}#mara`, name: 'Mara Lind', role: 'tenant-admin' },
    tenant: { id: 'acme' },
  })
  const csrf = await server.request('GET', '/api/v1/csrf-token', {
    headers: { cookie: `kh_session=${browser.cookie(server.url, 'kh_session') ?? ''}` },
  })
  const locked = await server.request('POST', '/api/v1/encryption/actions/unlock', {
    headers: {
      cookie: `kh_session=${browser.cookie(server.url, 'kh_session') ?? ''}`,
      'qlik-csrf-token': csrf.headers.get('qlik-csrf-token') ?? '',
    },
  })
  expect(locked.status).toBe(200)
  const audits = await server.request('GET', '/api/v1/encryption/audits?limit=1000', {
    token: tenant.adminToken,
  })
  const begun = listAt(audits.body, 'audits').find((each) => at(each, 'action') === 'session.begin')
  expect(begun).toMatchObject({
    ...{ actor: { id: `${idp.issuer}#mara` }, details: { actorName: 'Mara Lind' } },
  })
})

test('whoever is in no group that counts has no access, and is told what to ask for', async () => {
  idp.next = { subject: 'nobody', claims: { groups: ['all'] } }
  const page = await browser.open(login())
  expect([page.status, page.text]).toEqual([403, expect.stringContaining('ERR_SIGN_IN_REFUSED')])
  idp.next = { subject: 'many', claims: { _claim_names: { groups: 'src1' } } }
  expect((await session()).status).toBe(401)
})

test('an answer is taken once, in the browser that has asked, of the provider that was asked', async () => {
  const answer = await browser.openUntil(login(), callback())
  const failed = async (from: Browser, url = answer) => {
    const { status, text } = await from.open(url)
    expect([status, text]).toEqual([400, expect.stringContaining('ERR_SIGN_IN_FAILED')])
  }
  // Login CSRF: the answer of somebody else's sign-in.
  await failed(openBrowser(idp.ca))
  const stolen = browser.cookie(server.url, 'kh_login') ?? ''
  // Mix-up: the answer comes to the address of another provider.
  const other = openBrowser(idp.ca)
  other.setCookie(server.url, 'kh_login', stolen)
  await failed(other, answer.replace('/callback/test', '/callback/other'))
  const wrongState = openBrowser(idp.ca)
  wrongState.setCookie(server.url, 'kh_login', stolen)
  await failed(wrongState, answer.replace(/state=[^&]+/, 'state=of-somebody-else'))
  const changed = openBrowser(idp.ca)
  changed.setCookie(server.url, 'kh_login', `x${stolen}`)
  await failed(changed)
  expect((await browser.open(answer)).status).toBe(200)
  // Replay: the code, the state and the cookie of before.
  const replay = openBrowser(idp.ca)
  replay.setCookie(server.url, 'kh_login', stolen)
  await failed(replay)
})

test('nobody chooses where the browser goes, nor the session that it gets', async () => {
  for (const target of [
    'https://evil.example',
    '//evil.example',
    '/\\evil.example',
    '/console/../../x',
    '/x',
  ]) {
    const page = await openBrowser(idp.ca).open(login(`&return_to=${encodeURIComponent(target)}`))
    expect(page.text).toContain('content="0; url=/console"')
  }
  browser.setCookie(server.url, 'kh_session', 'khs_fixed')
  await browser.open(login())
  expect(browser.cookie(server.url, 'kh_session')).not.toBe('khs_fixed')
  expect((await session()).status).toBe(200)
})

test('the page of providers names them', async () => {
  const { text } = await browser.open(`${server.url}/login?return_to=/console/keys`)
  expect(text).toContain('<a href="/login?provider=test&amp;return_to=%2Fconsole%2Fkeys">Test &amp; Co</a>')
})

const event = { 'http://schemas.openid.net/event/backchannel-logout': {} }
const logOut = async (claims: Record<string, unknown>, header?: Record<string, unknown>) => {
  const now = Math.floor(Date.now() / 1_000)
  const token = await idp.sign(
    {
      ...{ iss: idp.issuer, aud: idp.clientId, iat: now, exp: now + 60, jti: crypto.randomUUID() },
      ...{ events: event, ...claims },
    },
    header,
  )
  tokens.push(token)
  const send = () =>
    fetch(`${server.url}/login/logout/test`, {
      method: 'POST',
      body: new URLSearchParams({ logout_token: token }),
    })
  return { send, status: (await send()).status }
}

test('the provider signs a person out; what is no logout token of it signs out nobody', async () => {
  await browser.open(login())
  const nowSeconds = Math.floor(Date.now() / 1_000)
  const bad: [Record<string, unknown>, Record<string, unknown>?][] = [
    [{ sub: 'mara', aud: 'somebody' }],
    [{ sub: 'mara', iss: 'https://evil.example' }],
    [{ sub: 'mara', nonce: 'of an ID token' }],
    [{ sub: 'mara', events: {} }],
    [{ sub: 'mara', iat: nowSeconds - 300 }],
    [{ sub: 'mara', jti: undefined }],
    [{ sub: 'mara' }, { typ: 'at+jwt' }],
    [{ sub: 'mara' }, { kid: 'two' }],
    [{}],
  ]
  for (const [claims, header] of bad) expect((await logOut(claims, header)).status).toBe(400)
  expect((await logOut({ sub: 'somebody else' })).status).toBe(200)
  expect((await session()).status).toBe(200)
  const sent = await logOut({ sub: 'mara' })
  expect(sent.status).toBe(200)
  expect((await session()).status).toBe(401)
  // The same token again is none.
  expect((await sent.send()).status).toBe(400)
})

test('a sign-out that the database has not taken may be sent again', async () => {
  await browser.open(login())
  await server.query('alter table keyhold.sessions rename to sessions_away')
  const sent = await logOut({ sub: 'mara' })
  await server.query('alter table keyhold.sessions_away rename to sessions')
  expect(sent.status).toBeGreaterThanOrEqual(500)
  expect((await sent.send()).status).toBe(200)
  expect((await session()).status).toBe(401)
})

test('however many people a provider signs out at once, each of them is', async () => {
  await browser.open(login())
  const sent = await Promise.all(Array.from({ length: 61 }, (_, each) => logOut({ sub: `person ${each}` })))
  expect(new Set(sent.map(({ status }) => status))).toEqual(new Set([200]))
  expect((await logOut({ sub: 'mara' })).status).toBe(200)
  expect((await session()).status).toBe(401)
})

test('nothing that lets somebody in is in the log', () => {
  const log = lines.join('\n')
  expect(log).toContain('a sign-in was refused')
  for (const form of [/khs_\w{20}/, /khk_\w{20}/, /code=/, /state=/]) expect(log).not.toMatch(form)
  expect(tokens.length).toBeGreaterThan(9)
  for (const token of tokens) expect(log).not.toContain(token)
})

test('a callback of no provider is no page', async () => {
  const { status, body } = await server.request('GET', '/login/callback')
  expect([status, errorCode(body)]).toEqual([404, 'ERR_ROUTE_NOT_FOUND'])
})

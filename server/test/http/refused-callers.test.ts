// Who was refused can be found: in the log, in the metrics and, of those who were not, in the audit trail. And texts that would lie on
// a screen are not stored.
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { readMetrics } from '../metrics/read-metrics.ts'
import { rawRequest, sendBytes } from './raw-request.ts'

let logged = ''
let server: TestServer
let tenant: TestTenant

beforeAll(async () => {
  const logger = pino({ level: 'info' }, { write: (line: string) => (logged += line) })
  server = await startTestServer(
    { KEYHOLD_TRUSTED_PROXIES: '127.0.0.0/8', KEYHOLD_METRICS_PORT: '0' },
    { logger },
  )
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const client = {
  'x-forwarded-for': '198.51.100.1, 203.0.113.9',
  'user-agent': `vendor/1.0 ${'x'.repeat(200)}`,
}

test('a refusal is logged with the address and the program of its client', async () => {
  logged = ''
  const token = 'canary-token'
  const headers = { ...client, 'user-agent': 'vendor/1.0 (\u00e9)' }
  const { status } = await rawRequest(server.url, 'GET', '/api/v1/tenants', { token, headers })
  expect(status).toBe(401)
  expect(JSON.parse(logged.trim().split('\n').at(-1) ?? '')).toMatchObject({
    ...{ level: 30, status: 401, code: 'ERR_UNAUTHENTICATED' },
    ...{ clientAddress: '203.0.113.9', userAgent: 'vendor/1.0 (?)' },
  })
  expect(logged).not.toContain(token)
  expect(logged).not.toContain('198.51.100.1')
})

test('requests without a caller are counted by what they lack', async () => {
  const counts = async () => {
    const { value } = readMetrics(await (await fetch(`${server.metricsUrl}/metrics`)).text())
    return ['none', 'token', 'certificate'].map((credential) =>
      value('keyhold_authentication_refusals_total', { credential }),
    )
  }
  const before = await counts()
  await server.request('GET', '/api/v1/tenants')
  await server.request('GET', '/api/v1/tenants', { token: 'x' })
  await server.request('GET', '/api/v1/tenants', { token: 'y' })
  const after = await counts()
  expect(after.map((count, index) => (count ?? 0) - (before[index] ?? 0))).toEqual([1, 2, 0])
})

test('a change is recorded with the address and the program of its client', async () => {
  await rawRequest(server.url, 'POST', '/api/v1/encryption/actions/lock', {
    token: tenant.adminToken,
    headers: client,
  })
  const [record] = await server.query(
    `select details from keyhold.audits where chain = $1 and action = 'tenant.lock'`,
    [tenant.tenantId],
  )
  expect(record?.details).toEqual({
    clientAddress: '203.0.113.9',
    userAgent: client['user-agent'].slice(0, 128),
  })
  await server.request('POST', '/api/v1/encryption/actions/unlock', { token: tenant.adminToken })
})

test.each(['\u0080', '\u009b31m', '\u009f', '\u202a', '\u202e', '\u2066', '\u2069'])(
  'no name with %j is stored',
  async (character) => {
    const body = { name: `a${character}b` }
    const { status, body: reply } = await server.request('POST', '/api/v1/tenants', {
      token: server.operatorToken,
      body,
    })
    expect([status, reply]).toMatchObject([400, { errors: [{ code: 'ERR_INVALID_REQUEST' }] }])
  },
)

test.each(['\u05d0\u200f-\u05d1', '\u0627\u061c\u0628', 'a\u200eb', '\u200d\u00a0'])(
  'a name with marks that languages need is: %j',
  async (name) => {
    const { status } = await server.request('POST', '/api/v1/tenants', {
      token: server.operatorToken,
      body: { name },
    })
    expect(status).toBe(201)
  },
)

test('a transfer coding in HTTP/1.0 is refused, and nothing after it is run', async () => {
  logged = ''
  const smuggled = `GET /api/v1/tenants HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${server.operatorToken}\r\n\r\n`
  const text = await sendBytes(
    server.url,
    `POST /api/v1/tenants HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: keep-alive\r\n\r\n0\r\n\r\n${smuggled}`,
  )
  expect(text).toMatch(/^HTTP\/1\.1 400 /)
  expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1)
  // One that is run has a line of its own.
  expect(logged).not.toContain('listTenants')
})

test('every reply says that no cache keeps it and that it is nothing else', async () => {
  const { token, body } = {
    token: tenant.serviceToken,
    body: { items: [{ plaintext: 'AAAA' }] },
  }
  for (const [method, path, options] of [
    ['POST', '/api/v1/encryption/encrypt', { token, body }],
    ['POST', '/api/v1/encryption/data-keys', { token, body: {} }],
    ['GET', '/api/v1/tenants', {}],
    ['GET', '/nowhere', {}],
    ['GET', '/readyz', {}],
    ['GET', '/%zz', {}],
  ] as const) {
    const { headers } = await server.request(method, path, options)
    expect([path, headers.get('cache-control'), headers.get('x-content-type-options')]).toEqual([
      path,
      'no-store',
      'nosniff',
    ])
  }
  const broken = await sendBytes(server.url, 'BROKEN\r\n\r\n')
  expect(broken).toMatch(/cache-control: no-store\r\n.*x-content-type-options: nosniff\r\n/s)
})

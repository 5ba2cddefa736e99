// Rate limits on the wire: which routes have which, the form of the refusal, who feels it and who does not, and how the
// clients take it.
import encryption from '@qlik/api/encryption'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { openClient } from '../../../../testkit/src/tenants/open-client.ts'
import { readMetrics } from '../../metrics/read-metrics.ts'
import { exchange, parseAnswer } from '../bad-input/send-packet.ts'
import { rawRequest } from '../raw-request.ts'
import { errorCode, textAt, withoutTrace } from '../read-body.ts'
import { providers, reset } from '../scene.ts'

// So few that no slow machine lets one more through where one too many is expected.
const pauseMs = 100
let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer(
    {
      KEYHOLD_METRICS_PORT: '0',
      KEYHOLD_TIER_1_REQUESTS_PER_MINUTE: '2',
      KEYHOLD_TIER_2_REQUESTS_PER_MINUTE: '1',
      KEYHOLD_MANAGEMENT_REQUESTS_PER_MINUTE: '40',
      KEYHOLD_TENANT_MANAGEMENT_REQUESTS_PER_MINUTE: '4',
      KEYHOLD_DATA_REQUESTS_PER_SECOND: '1',
    },
    { timings: { tooManyPauseMs: pauseMs } },
  )
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const status = async (token: string, method: string, path: string) =>
  (await server.request(method, path, { token })).status

test('a refused request is answered as the original does, and other limits are not touched', async () => {
  const { adminToken: token } = tenant
  expect(await status(token, 'POST', reset)).toBe(200)

  const startMs = performance.now()
  const refused = await rawRequest(server.url, 'POST', reset, { token })
  // Timers may be a millisecond early.
  expect(performance.now() - startMs).toBeGreaterThan(pauseMs - 5)

  const seconds = Number(refused.headers['retry-after'])
  expect(refused.status).toBe(429)
  expect(refused.headers['retry-after']).toMatch(/^[1-9][0-9]?$/)
  expect(seconds).toBeLessThanOrEqual(60)
  expect(withoutTrace(refused.body)).toEqual({
    errors: [
      {
        code: 'HTTP-429',
        title: 'API rate limit reached.',
        detail: `You need to wait ${seconds} seconds until limit is lifted.`,
      },
    ],
  })
  expect(Object.keys(refused.headers).filter((name) => /rate-?limit/i.test(name))).toEqual([])
  expect(await status(token, 'GET', providers)).toBe(200)
  expect(await status(token, 'GET', '/api/v1/encryption/settings')).toBe(200)
})

test('the callers of a tenant together have its limit, and another tenant does not feel it', async () => {
  const [crowd, neighbour] = [await server.createTenant(), await server.createTenant()]
  const body = { role: 'auditor', tenantId: crowd.tenantId }
  const created = await server.request('POST', '/api/v1/api-keys', { token: server.operatorToken, body })
  const auditor = textAt(created.body, 'key')
  const settings = '/api/v1/encryption/settings'
  for (let count = 0; count < 3; count++) expect(await status(crowd.adminToken, 'GET', settings)).toBe(200)
  expect(await status(auditor, 'GET', providers)).toBe(200)

  expect(await status(auditor, 'GET', providers)).toBe(429)
  expect(await status(crowd.adminToken, 'GET', settings)).toBe(429)
  // No flood in its name keeps the tenant from being locked.
  expect(await status(crowd.adminToken, 'POST', '/api/v1/encryption/actions/lock')).toBe(200)
  expect(await status(neighbour.adminToken, 'GET', settings)).toBe(200)
})

test('a body of 32 MiB is refused before it is sent', async () => {
  const { adminToken } = await server.createTenant()
  await status(adminToken, 'POST', reset)
  const answer = await exchange(server.url, (socket) =>
    socket.write(
      [
        `POST ${providers} HTTP/1.1`,
        'host: x',
        'connection: close',
        `authorization: Bearer ${adminToken}`,
        'content-type: application/json',
        'content-length: 33554432',
        '',
        '{',
      ].join('\r\n'),
    ),
  )
  expect([parseAnswer(answer).status, errorCode(parseAnswer(answer).body)]).toEqual([429, 'HTTP-429'])
})

test('the npm client of the original rejects with the code, and with the time to wait', async () => {
  const { adminToken: apiKey } = await server.createTenant()
  const options = { hostConfig: { authType: 'apikey', host: server.url, apiKey }, noCache: true } as const
  for (let count = 0; count < 2; count++) await encryption.getEncryptionKeyproviders(options)
  const refusal: unknown = await encryption
    .getEncryptionKeyproviders(options)
    .catch((error: unknown) => error)
  expect(refusal).toMatchObject({ status: 429, data: { errors: [{ code: 'HTTP-429' }] } })
  expect((refusal as { headers: Headers }).headers.get('retry-after')).toMatch(/^[1-9][0-9]?$/)
})

test('the SDK waits and goes on where the server refuses', async () => {
  const { serviceToken, tenantId } = await server.createTenant()
  const send = () =>
    server.request('POST', '/api/v1/encryption/encrypt', {
      token: serviceToken,
      body: { items: [{ plaintext: 'aGk=' }] },
    })
  const answers = await Promise.all(Array.from({ length: 10 }, send))
  const refused = answers.filter((answer) => answer.status === 429)
  expect(refused.length).toBeGreaterThan(0)
  for (const { headers } of refused) expect(headers.get('retry-after')).toBe('1')

  const client = openClient(server.url, serviceToken).tenant(tenantId)
  expect(await client.decrypt(await client.encrypt('hello'))).toBeDefined()
})

test('refusals are counted by limit and scope', async () => {
  const metrics = readMetrics(await (await fetch(`${server.metricsUrl}/metrics`)).text())
  const refusals = (limit: string, scope: string) =>
    metrics.value('keyhold_rate_limit_refusals_total', { limit, scope }) ?? 0
  expect(refusals('tier-2', 'caller')).toBe(2)
  expect(refusals('tier-1', 'caller')).toBe(1)
  expect(refusals('tier-1', 'tenant')).toBe(1)
  expect(refusals('management', 'tenant')).toBe(1)
  expect(refusals('data', 'caller')).toBeGreaterThan(0)
})

test('an operator is told, too', async () => {
  let sent = 0
  while ((await status(server.operatorToken, 'GET', '/api/v1/tenants')) === 200) sent += 1
  expect(sent).toBeLessThan(1_000)
  expect(await status(server.operatorToken, 'GET', '/api/v1/api-keys')).toBe(429)
})

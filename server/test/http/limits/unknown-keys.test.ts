// A flood of API keys that nobody has: refused by address, without harm to keys that are known, and to new ones.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startSecondReplica } from '../../../../testkit/src/server/start-second-replica.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { readMetrics } from '../../metrics/read-metrics.ts'
import { errorCode, textAt, withoutTrace } from '../read-body.ts'
import { providers } from '../scene.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer({
    KEYHOLD_METRICS_PORT: '0',
    KEYHOLD_UNKNOWN_KEYS_PER_MINUTE: '3',
    KEYHOLD_TRUSTED_PROXIES: '127.0.0.1, ::1',
  })
  tenant = await server.createTenant()
  // From now on it has not seen the API keys that it made.
  await server.restart()
})
afterAll(() => server.stop())

const list = (token: string, address: string) =>
  server.request('GET', providers, { token, headers: { 'x-forwarded-for': address } })

let numbers = 0
const junk = () => `kh_${String(++numbers).padStart(16, '0')}_${'A'.repeat(43)}`

/** Sends unknown keys until one is refused, and answers how many were looked up. */
async function flood(address: string): Promise<number> {
  for (let count = 0; ; count++) {
    const { status } = await list(junk(), address)
    if (status === 429) return count
    expect(status).toBe(401)
  }
}

async function createApiKey(): Promise<string> {
  const body = { role: 'tenant-admin', tenantId: tenant.tenantId }
  const { operatorToken: token } = server
  return textAt((await server.request('POST', '/api/v1/api-keys', { token, body })).body, 'key')
}

test('an address that sends many is refused with a code and the time to wait, known keys from there are not', async () => {
  expect((await list(tenant.adminToken, '192.0.2.1')).status).toBe(200)
  expect(await flood('192.0.2.1')).toBe(3)

  const refused = await list(junk(), '192.0.2.1')

  const seconds = Number(refused.headers.get('retry-after'))
  expect([refused.status, seconds > 0 && seconds <= 20]).toEqual([429, true])
  expect(withoutTrace(refused.body)).toEqual({
    errors: [
      {
        code: 'ERR_TOO_MANY_UNKNOWN_KEYS',
        title: 'Too many API keys that nobody has, or JWTs that do not hold, came from this address.',
        detail: `Too many API keys that nobody has came from this address. You need to wait ${seconds} seconds.`,
      },
    ],
  })
  expect((await list(tenant.adminToken, '192.0.2.1')).status).toBe(200)
  expect((await list(tenant.serviceToken, '192.0.2.1')).status).toBe(429)
  expect((await list(tenant.serviceToken, '192.0.2.2')).status).toBe(403)
  expect((await list(tenant.serviceToken, '192.0.2.1')).status).toBe(403)
  const metrics = readMetrics(await (await fetch(`${server.metricsUrl}/metrics`)).text())
  const labels = { limit: 'unknown-keys', scope: 'address' }
  expect(metrics.value('keyhold_rate_limit_refusals_total', labels)).toBe(3)
})

test('the address is the one that the trusted proxy has seen, not the one that the client has made up', async () => {
  for (const made of ['198.51.100.1', '198.51.100.2', '198.51.100.3'])
    expect((await list(junk(), `${made}, 192.0.2.9`)).status).toBe(401)
  expect((await list(junk(), '198.51.100.4, 192.0.2.9')).status).toBe(429)
})

slowTest('the addresses of one IPv6 network are one', async () => {
  for (const last of ['1', '2', 'ffff'])
    expect((await list(junk(), `2001:db8:5:6::${last}`)).status).toBe(401)
  expect((await list(junk(), '2001:db8:5:6:7:8:9:a')).status).toBe(429)
  expect((await list(junk(), '2001:db8:5:7::1')).status).toBe(401)
})

test('the same wrong key again and again counts once', async () => {
  const token = junk()
  for (let count = 0; count < 10; count++) {
    const answer = await list(token, '192.0.2.20')
    expect([answer.status, errorCode(answer.body)]).toEqual([401, 'ERR_UNAUTHENTICATED'])
  }
})

test('a new key works at once, on another replica, and on that which made it even from a refused address', async () => {
  const second = await startSecondReplica(server)
  const token = await createApiKey()
  const { status } = await fetch(second.url + providers, { headers: { authorization: `Bearer ${token}` } })
  await second.stop()
  await flood('192.0.2.30')
  expect([status, (await list(token, '192.0.2.30')).status]).toEqual([200, 200])
})

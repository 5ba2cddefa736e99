// The account of calls to AWS KMS: what tenants and the operator are told is what AWS KMS was asked.
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { at, errorCode, listAt } from './read-body.ts'
import { createTenantWithOwnKey, encryptText, setPolicy, policyWithout } from './scene.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const path = '/api/v1/encryption/usage/kms'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '0' })
})
afterAll(() => server.stop())

const usageOf = async ({ adminToken: token }: TestTenant, query = '') =>
  (await server.request('GET', `${path}${query}`, { token })).body
const requestsIn = (usage: unknown, matches: Record<string, unknown>) =>
  listAt(usage, 'rows')
    .filter((row) => Object.entries(matches).every(([name, value]) => at(row, name) === value))
    .reduce<number>((sum, row) => sum + Number(at(row, 'requests')), 0)

const actions = ['Decrypt', 'GenerateDataKey', 'DescribeKey']
// The customer's own calls are others.
const askedInAll = (keyId?: string) =>
  actions.reduce((sum, operation) => sum + server.kms.countCalls({ keyId, operation }), 0)

test('each call is counted once for its tenant, by action and outcome, and its cost estimated', async () => {
  const one = await createTenantWithOwnKey(server)
  const other = await createTenantWithOwnKey(server)
  const text = await encryptText(server, one, 'counted')
  for (let round = 0; round < 3; round++) {
    const body = { items: [{ token: text }] }
    await server.request('POST', '/api/v1/encryption/decrypt', { token: one.serviceToken, body })
  }
  await setPolicy(server.customerKms(), one.arn, policyWithout())
  const body = { items: [{ token: text }] }
  const denied = await server.request('POST', '/api/v1/encryption/decrypt', { token: one.serviceToken, body })
  expect(errorCode(denied.body)).toBe('ERR_KMS_DENIED')

  for (const { arn, ...tenant } of [one, other]) {
    const keyId = arn.split('/')[1]
    const usage = await usageOf(tenant)
    for (const action of actions) {
      const asked = server.kms.countCalls({ keyId, operation: action })
      expect([action, requestsIn(usage, { action })]).toEqual([action, asked])
      expect(asked).toBeGreaterThan(0)
    }
    expect(at(usage, 'requests')).toBe(askedInAll(keyId))
    const usd = `0.${String(askedInAll(keyId) * 3).padStart(6, '0')}`
    expect(at(usage, 'estimatedCost')).toEqual({ usd, usdPer10000Requests: '0.030000' })
  }
  const mine = await usageOf(one)
  expect(requestsIn(mine, { outcome: 'ERR_KMS_DENIED' })).toBeGreaterThan(0)
  expect(requestsIn(await usageOf(other), { outcome: 'ERR_KMS_DENIED' })).toBe(0)
  const today = new Date().toISOString().slice(0, 10)
  expect(listAt(mine, 'rows')[0]).toMatchObject({
    ...{ day: today, region: 'eu-west-1', account: '222222222222', paidBy: 'keyhold' },
  })

  const all = await server.request('GET', '/api/v1/usage/kms', { token: server.operatorToken })
  expect(requestsIn(all.body, {})).toBe(askedInAll())
  const tenants = listAt(all.body, 'tenants').map((tenant) => at(tenant, 'tenantId'))
  expect(tenants.toSorted()).toEqual([one.tenantId, other.tenantId].toSorted())
  const first = await server.request('GET', '/api/v1/usage/kms?limit=1', { token: server.operatorToken })
  expect([listAt(first.body, 'tenants').length, at(first.body, 'moreTenants')]).toEqual([1, true])

  const before = at(await usageOf(other), 'requests')
  await server.restart()
  expect(at(await usageOf(other), 'requests')).toBe(before)
}, 60_000)

slowTest('a tenant under the internal KMS has asked AWS nothing', async () => {
  const tenant = await server.createTenant()
  await encryptText(server, tenant, 'internal')
  expect(await usageOf(tenant)).toMatchObject({ calls: 0, requests: 0, rows: [] })
})

test.each([
  '?from=2026-01-32',
  '?to=yesterday',
  '?from=2026-02-01&to=2026-01-01',
  '?from=2020-01-01&to=2026-01-01',
])('a range of days as %s is refused', async (query) => {
  const tenant = await server.createTenant()
  const { status, body } = await server.request('GET', `${path}${query}`, { token: tenant.adminToken })
  expect([status, errorCode(body)]).toEqual([400, 'ERR_INVALID_REQUEST'])
})

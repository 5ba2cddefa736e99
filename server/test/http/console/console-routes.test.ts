// The routes that a console asks before it shows anything: who calls, what protects the tenant, whose turn it is. One server
// serves them all.
import { permissionsOf, routeIds, routes, type Route } from '@keyhold/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { at, errorCode, listAt, textAt } from '../read-body.ts'
import { policyWithout, providers, setPolicy } from '../scene.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant('acme')
})
afterAll(() => server.stop())

const as =
  (token: string) =>
  (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) =>
    server.request(method, path, { token, body, headers })
const asAdmin = (...asked: [method: string, path: string, body?: unknown]) => as(tenant.adminToken)(...asked)
const asOperator = (...asked: [method: string, path: string, body?: unknown]) =>
  as(server.operatorToken)(...asked)

async function createKey(body: object): Promise<{ id: string; key: string }> {
  const answer = await asOperator('POST', '/api/v1/api-keys', body)
  return { id: textAt(answer.body, 'id'), key: textAt(answer.body, 'key') }
}

test('every caller learns who it is: name, role, end, tenant, and the permissions that its scopes leave', async () => {
  const { id, key } = await createKey({
    ...{ role: 'tenant-admin', tenantId: 'acme', name: 'Mara Lind', expiresInSeconds: 3_600 },
    scopes: ['lock', 'read-audits'],
  })
  const { status, body, headers } = await as(key)('GET', '/api/v1/session')
  expect(status).toBe(200)
  expect(body).toEqual({
    caller: {
      ...{ kind: 'api-key', id, name: 'Mara Lind', role: 'tenant-admin' },
      ...{ scopes: ['lock', 'read-audits'], expiresAt: expect.stringMatching(/Z$/) as unknown },
    },
    permissions: permissionsOf('tenant-admin').filter((each) => ['lock', 'read-audits'].includes(each)),
    tenant: { id: 'acme', name: 'test tenant' },
    features: { webIdentity: false, multiRegionRequired: false, contextConditionRequired: false },
    now: expect.stringMatching(/Z$/) as unknown,
  })
  // Countdowns go by the server's time, which each reply has.
  expect(Math.abs(Date.parse(headers.get('date') ?? '') - Date.parse(textAt(body, 'now')))).toBeLessThan(
    5_000,
  )

  const operator = await asOperator('GET', '/api/v1/session')
  expect([at(operator.body, 'tenant'), at(operator.body, 'permissions')]).toEqual([
    undefined,
    permissionsOf('operator'),
  ])
  const nothing = await createKey({ role: 'service', scopes: [] })
  const forAll = as(nothing.key)
  expect(errorCode((await forAll('GET', '/api/v1/session')).body)).toBe('ERR_INVALID_REQUEST')
  const named = await forAll('GET', '/api/v1/session', undefined, { 'keyhold-tenant': 'acme' })
  expect([named.status, at(named.body, 'permissions'), at(named.body, 'tenant', 'id')]).toEqual([
    200,
    [],
    'acme',
  ])
})

test('no other route can be called without its scope', () => {
  expect(routeIds.filter((id) => (routes[id] as Route).needsNoScope === true)).toEqual(['getSession'])
})

test('the lock is read after a reload: since when, by whom, why; its first reason stays', async () => {
  const path = '/api/v1/encryption/lock'
  const open = await asAdmin('GET', path)
  expect([open.status, open.body]).toEqual([200, { tenantId: 'acme', locked: false }])
  const { id, key } = await createKey({ role: 'security-officer', tenantId: 'acme', name: 'Night watch' })
  const officer = as(key)
  const lock = '/api/v1/encryption/actions/lock'
  expect((await officer('POST', lock, { reason: 'a leaver still has keys' })).status).toBe(200)
  expect((await asAdmin('POST', lock, { reason: 'another' })).status).toBe(200)
  expect((await asAdmin('POST', lock)).status).toBe(200)
  for (const ask of [asAdmin, officer]) {
    expect((await ask('GET', path)).body).toEqual({
      ...{ tenantId: 'acme', locked: true, lockedAt: expect.stringMatching(/Z$/) as unknown, lockedBy: id },
      ...{ lockedByName: 'Night watch', reason: 'a leaver still has keys' },
    })
  }
  const { body } = await asAdmin('GET', '/api/v1/encryption/audits')
  const records = listAt(body, 'audits').filter((each) => at(each, 'action') === 'tenant.lock')
  expect(records.map((each) => at(each, 'details', 'reason'))).toEqual(['a leaver still has keys'])
  for (const reason of ['', 'x'.repeat(257), 'two\nlines', 7])
    expect((await asAdmin('POST', lock, { reason })).status, String(reason)).toBe(400)
  // The reason is authenticated with the lock: nobody writes another one into the database.
  await server.query(`update keyhold.tenant_guards set lock_reason = 'all is well' where tenant_id = 'acme'`)
  expect(errorCode((await asAdmin('GET', path)).body)).toBe('ERR_RECORD_NOT_AUTHENTIC')
  await server.query(
    `update keyhold.tenant_guards set lock_reason = 'a leaver still has keys' where tenant_id = 'acme'`,
  )
  expect((await asAdmin('POST', '/api/v1/encryption/actions/unlock')).status).toBe(200)
  expect((await asAdmin('GET', path)).body).toEqual({ tenantId: 'acme', locked: false })
})

/** The data of the events of a stream that has ended. */
function eventsOf(text: string): unknown[] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('data: '))
    .map((line) => JSON.parse(line.slice(6)) as unknown)
}

test('the checks of a key come one by one, each with a code and parameters, and end with the result', async () => {
  const arn = await server.createCustomerKey(['acme'])
  const path = `${providers}/actions/check`
  const { body: atOnce } = await asAdmin('POST', path, { arn })
  const stream = await asAdmin('POST', `${path}/events`, { arn })
  expect([stream.status, stream.headers.get('content-type')]).toEqual([
    200,
    'text/event-stream; charset=utf-8',
  ])
  const events = eventsOf(stream.text)
  expect(at(events.at(-1), 'result')).toEqual(atOnce)
  const counts = events.map((event) => listAt(event, 'checks').length)
  expect(counts).toEqual(counts.toSorted((a, b) => a - b))
  for (const event of events.slice(0, -1)) expect(at(event, 'result')).toBeUndefined()
  expect(listAt(atOnce, 'checks').find((each) => at(each, 'check') === 'Replica')).toMatchObject({
    ...{ outcome: 'passed', code: '', params: { regions: 'eu-west-3' } },
  })

  await setPolicy(server.customerKms(), arn, policyWithout('GenerateDataKey'))
  const denied = eventsOf((await asAdmin('POST', `${path}/events`, { arn })).text).at(-1)
  const failed = listAt(denied, 'checks').find((each) => at(each, 'outcome') === 'failed')
  expect(failed).toMatchObject({
    ...{ check: 'GenerateDataKey', region: 'eu-west-1', code: 'Encryption-88' },
    params: { action: 'GenerateDataKey', region: 'eu-west-1' },
  })
  const skipped = listAt(denied, 'checks').find((each) => at(each, 'check') === 'Decrypt')
  expect(skipped).toMatchObject({ outcome: 'skipped', params: { because: 'nothing-to-decrypt' } })
  // A wrong request is refused before the stream begins.
  const wrong = await asAdmin('POST', `${path}/events`, { arn: 'no arn' })
  expect([wrong.status, errorCode(wrong.body)]).toEqual([417, 'ERR_ARN_INVALID'])
})

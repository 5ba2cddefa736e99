// One tenant's waiting requests leave connections to everybody else. Connections that wait are counted in PostgreSQL.
import type { DataKeyLease } from '@keyhold/contract'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type HttpAnswer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/start-test-server.ts'
import { textAt } from './read-body.ts'
import { registerKey, waitUntil } from './scene.ts'

let server: TestServer
let neighbour: TestTenant
let token: string
beforeAll(async () => {
  server = await startTestServer()
  neighbour = await server.createTenant()
  token = textAt((await encrypt(neighbour, 'known')).body, 'items', 0, 'token')
})
afterAll(() => server.stop())

const holders: pg.Client[] = []
afterEach(release)

/** Holds what the statement locks until the end of the test, or `release`. */
async function hold(statement: string, values: unknown[] = []): Promise<void> {
  const client = new pg.Client({ ...server.databaseConnection(), application_name: 'holder' })
  holders.push(client)
  await client.connect()
  await client.query('begin')
  await client.query(statement, values)
}

async function release(): Promise<void> {
  for (const client of holders.splice(0)) await client.end()
}

const holdFence = ({ tenantId }: TestTenant) =>
  hold('select from keyhold.tenants where id = $1 for update', [tenantId])

async function waitingConnections(): Promise<number> {
  const rows = await server.query(
    `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  )
  return rows.length
}

function encrypt({ serviceToken }: TestTenant, keyName: string): Promise<HttpAnswer> {
  const body = { items: [{ plaintext: 'AAAA', keyName }] }
  return server.request('POST', '/api/v1/encryption/encrypt', { token: serviceToken, body })
}

function lease({ serviceToken }: TestTenant): Promise<HttpAnswer> {
  return server.request('POST', '/api/v1/encryption/data-keys', { token: serviceToken, body: {} })
}

const times = <Result>(count: number, work: (index: number) => Result) =>
  Array.from({ length: count }, (_, index) => work(index))

/** All kinds of work that a neighbour does; one new name for each call. */
async function expectNeighbourIsServed(name: string): Promise<void> {
  const answers = await Promise.all([
    encrypt(neighbour, 'known'),
    encrypt(neighbour, name),
    lease(neighbour),
    server.request('POST', '/api/v1/encryption/decrypt', {
      token: neighbour.serviceToken,
      body: { items: [{ token }] },
    }),
    server.request('GET', '/api/v1/encryption/keyproviders', { token: neighbour.adminToken }),
    server.request('GET', '/readyz'),
  ])
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200])
}

test('forty requests of a tenant whose fence is held leave the neighbour alone, and all end well', async () => {
  const busy = await server.createTenant()
  expect((await encrypt(busy, 'first')).status).toBe(200)
  await holdFence(busy)
  const waiting = [...times(20, () => lease(busy)), ...times(20, (index) => encrypt(busy, `name-${index}`))]
  await waitUntil(async () => (await waitingConnections()) > 0, 10_000)

  await expectNeighbourIsServed('beside-one')
  expect(await waitingConnections()).toBeLessThanOrEqual(3)
  await release()
  for (const { status } of await Promise.all(waiting)) expect(status).toBe(200)
})

test('leases that are asked for at the same time share a transaction, and each is a key of its own', async () => {
  const busy = await server.createTenant()
  await holdFence(busy)
  const waiting = times(20, () => lease(busy))
  await waitUntil(async () => (await waitingConnections()) > 0, 10_000)
  expect(await waitingConnections()).toBe(1)

  await release()
  const leases = (await Promise.all(waiting)).map(({ body }) => body as DataKeyLease)
  expect(new Set(leases.map(({ dataKeyId }) => dataKeyId)).size).toBe(20)
  expect(new Set(leases.map(({ plaintext }) => plaintext)).size).toBe(20)
  const writes = await server.query(
    'select distinct xmin::text from keyhold.cipherkeys where tenant_id = $1 and key_name is null',
    [busy.tenantId],
  )
  expect(writes.length).toBeLessThan(5)
})

test('many tenants whose fences are held take half of the connections at most, and readiness has its own', async () => {
  const busy = await Promise.all(times(6, () => server.createTenant()))
  for (const tenant of busy) {
    expect((await encrypt(tenant, 'first')).status).toBe(200)
    await holdFence(tenant)
  }
  const rotate = (tenant: TestTenant) =>
    server.request('POST', '/api/v1/encryption/data-keys/first/actions/rotate', {
      token: tenant.adminToken,
      body: {},
    })
  const waiting = busy.flatMap((tenant) => [...times(3, () => rotate(tenant)), lease(tenant)])
  await waitUntil(async () => (await waitingConnections()) >= 5, 10_000)

  for (const status of times(3, () => server.request('GET', '/readyz')))
    expect((await status).status).toBe(200)
  const read = { token: neighbour.serviceToken, body: { items: [{ token }] } }
  expect((await server.request('POST', '/api/v1/encryption/decrypt', read)).status).toBe(200)
  expect(await waitingConnections()).toBeLessThanOrEqual(5)
  await release()
  for (const { status } of await Promise.all(waiting)) expect([200, 201]).toContain(status)
})

test('twenty parallel questions for the usage of a key take one connection, and all are answered', async () => {
  const busy = await server.createTenant()
  const { fingerprint } = await registerKey(server, busy)
  const auditor = await server.request('POST', '/api/v1/api-keys', {
    token: server.operatorToken,
    body: { name: 'auditor', role: 'auditor', tenantId: busy.tenantId },
  })
  await hold('lock table keyhold.key_job_failures in access exclusive mode')
  const path = `/api/v1/encryption/keyproviders/${fingerprint}/usage`
  const waiting = times(20, () => server.request('GET', path, { token: textAt(auditor.body, 'key') }))
  await waitUntil(async () => (await waitingConnections()) > 0, 10_000)

  await expectNeighbourIsServed('beside-an-auditor')
  expect(await waitingConnections()).toBe(1)
  await release()
  for (const { status } of await Promise.all(waiting)) expect(status).toBe(200)
})

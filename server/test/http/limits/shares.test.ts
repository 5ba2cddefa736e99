// One tenant's waiting requests leave connections to everybody else. Connections that wait are counted in PostgreSQL.
import type { DataKeyLease } from '@keyhold/contract'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type HttpAnswer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { textAt } from '../read-body.ts'
import { currentProvider } from '../../../../testkit/src/http/key-jobs.ts'
import { waitUntil } from '../scene.ts'
import { slowTest } from '../../../../testkit/src/statistics/dose-of.ts'

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

/** @param text - in the statements that count */
async function waitingConnections(text = ''): Promise<number> {
  const rows = await server.query(
    `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'
    and strpos(query, $1) > 0`,
    [text],
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

function rotate({ adminToken }: TestTenant): Promise<HttpAnswer> {
  const path = '/api/v1/encryption/data-keys/first/actions/rotate'
  return server.request('POST', path, { token: adminToken, body: {} })
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

/** A tenant with a data key, whose changes wait: each change locks the head of the tenant's audit trail. */
async function createWaitingTenant(): Promise<TestTenant> {
  const tenant = await server.createTenant()
  expect((await encrypt(tenant, 'first')).status).toBe(200)
  expect((await rotate(tenant)).status).toBe(200)
  await hold('select from keyhold.audit_heads where chain = $1 for update', [tenant.tenantId])
  return tenant
}

test('forty requests of a tenant whose changes wait leave the neighbour alone, and all end well', async () => {
  const busy = await createWaitingTenant()
  const waiting = [...times(20, () => rotate(busy)), ...times(20, () => lease(busy))]
  await waitUntil(async () => (await waitingConnections()) >= 3, 10_000)

  await expectNeighbourIsServed('beside-one')
  expect(await waitingConnections()).toBe(3)
  await release()
  for (const { status } of await Promise.all(waiting)) expect(status).toBe(200)
})

test('requests of a tenant whose fence is held wait in memory alone', async () => {
  const busy = await server.createTenant()
  expect((await encrypt(busy, 'first')).status).toBe(200)
  await hold('select from keyhold.fence_alone($1)', [busy.tenantId])
  const waiting = [...times(20, () => lease(busy)), ...times(20, (index) => encrypt(busy, `name-${index}`))]

  await expectNeighbourIsServed('beside-a-fence')
  expect(await waitingConnections()).toBe(0)
  await release()
  for (const { status } of await Promise.all(waiting)) expect(status).toBe(200)
})

slowTest(
  'leases that are asked for at the same time share a transaction, and are all of one data key',
  async () => {
    const busy = await server.createTenant()
    await hold('lock table keyhold.cipherkeys in share mode')
    const waiting = times(20, () => lease(busy))
    await waitUntil(async () => (await waitingConnections()) > 0, 10_000)
    expect(await waitingConnections()).toBe(1)

    await release()
    const leases = (await Promise.all(waiting)).map(({ body }) => body as DataKeyLease)
    expect(new Set(leases.map(({ plaintext }) => plaintext)).size).toBe(1)
    const rows = await server.query('select from keyhold.cipherkeys where tenant_id = $1', [busy.tenantId])
    expect(rows).toHaveLength(1)
  },
)

test('changes of many tenants that wait take half of the connections at most, and readiness has its own', async () => {
  const busy = await Promise.all(times(6, createWaitingTenant))
  const waiting = busy.flatMap((tenant) => times(3, () => rotate(tenant)))
  await waitUntil(async () => (await waitingConnections()) >= 5, 10_000)

  for (const ready of times(3, () => server.request('GET', '/readyz'))) expect((await ready).status).toBe(200)
  const read = { token: neighbour.serviceToken, body: { items: [{ token }] } }
  expect((await server.request('POST', '/api/v1/encryption/decrypt', read)).status).toBe(200)
  expect(await waitingConnections()).toBe(5)
  await release()
  for (const { status } of await Promise.all(waiting)) expect(status).toBe(200)
})

/** A tenant whose cipherkeys are in another partition than the neighbour's, and the name of that partition. */
async function createInOtherPartition(): Promise<{ busy: TestTenant; partition: string }> {
  const find = async ({ tenantId }: TestTenant) => {
    const [row] = await server.query(
      'select tableoid::regclass::text as partition from keyhold.cipherkeys where tenant_id = $1 limit 1',
      [tenantId],
    )
    return String(row?.partition)
  }
  for (;;) {
    const busy = await server.createTenant()
    expect((await encrypt(busy, 'first')).status).toBe(200)
    const partition = await find(busy)
    if (partition !== (await find(neighbour))) return { busy, partition }
  }
}

slowTest(
  'twenty parallel questions for the usage of a key take one connection, and all are answered',
  async () => {
    const { busy, partition } = await createInOtherPartition()
    const fingerprint = await currentProvider(server, busy)
    const auditor = await server.request('POST', '/api/v1/api-keys', {
      token: server.operatorToken,
      body: { name: 'auditor', role: 'auditor', tenantId: busy.tenantId },
    })
    await hold(`lock table ${partition} in access exclusive mode`)
    const path = `/api/v1/encryption/keyproviders/${String(fingerprint)}/usage`
    const waiting = times(20, () => server.request('GET', path, { token: textAt(auditor.body, 'key') }))
    await waitUntil(async () => (await waitingConnections()) > 0, 10_000)

    await expectNeighbourIsServed('beside-an-auditor')
    expect(await waitingConnections()).toBe(1)
    await release()
    for (const { status } of await Promise.all(waiting)) expect(status).toBe(200)
  },
)

test('an admin locks a tenant whose requests take all of its connections', async () => {
  const busy = await server.createTenant()
  expect((await encrypt(busy, 'first')).status).toBe(200)
  await hold('lock table keyhold.cipherkeys in share mode')
  const waiting = times(20, () => rotate(busy))
  await waitUntil(async () => (await waitingConnections()) >= 3, 10_000)

  const lock = { token: busy.adminToken, body: {} }
  expect((await server.request('POST', '/api/v1/encryption/actions/lock', lock)).status).toBe(200)
  expect(await waitingConnections()).toBe(3)
  await release()
  await Promise.all(waiting)
})

// Lists that grow with the installation come page by page: every item once, whatever is made or deleted meanwhile.

import { afterAll, beforeAll, expect, test } from 'vitest'
import { resignDatabase } from '../../../testkit/src/database/resign.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { listAt, textAt } from './read-body.ts'

let server: TestServer
const tenantIds: string[] = []
beforeAll(async () => {
  server = await startTestServer()
  for (let each = 0; each < 5; each++) tenantIds.push((await server.createTenant(`tenant-${each}`)).tenantId)
  // Three were made in the same microsecond, and one a microsecond later.
  await server.query(
    `update keyhold.tenants set created_at = '2026-01-02T03:04:05.678901Z' where id in ('tenant-0', 'tenant-1', 'tenant-2')`,
  )
  await server.query(
    `update keyhold.tenants set created_at = '2026-01-02T03:04:05.678902Z' where id = 'tenant-3'`,
  )
  await resignDatabase(server.databaseConnection())
})
afterAll(() => server.stop())

const get = (path: string) => server.request('GET', path, { token: server.operatorToken })

async function pages(path: string, items: string, limit: number, between?: () => Promise<void>) {
  const seen: string[][] = []
  let after = ''
  do {
    const { status, body } = await get(`${path}?limit=${limit}${after}`)
    expect(status).toBe(200)
    seen.push(listAt((body as Record<string, unknown>)[items]).map((item) => textAt(item, 'id')))
    const { next } = body as { next?: string }
    after = next === undefined ? '' : `&after=${next}`
    await between?.()
  } while (after !== '')
  return seen
}

test.each([1, 2, 3, 5, 1_000])('tenants, %d on a page, come each once, the oldest first', async (limit) => {
  const seen = await pages('/api/v1/tenants', 'tenants', limit)
  expect(seen.flat()).toEqual(tenantIds)
  expect(seen).toHaveLength(Math.ceil(5 / limit))
})

test('a tenant that is deleted between two pages takes no other one with it', async () => {
  let deletions = 0
  const deleteOne = async () => {
    deletions += 1
    if (deletions === 1) await server.query(`delete from keyhold.api_keys where tenant_id = 'tenant-1'`)
    // The next page begins after this one.
    if (deletions === 1)
      await server.request('DELETE', '/api/v1/tenants/tenant-1', { token: server.operatorToken })
  }
  expect((await pages('/api/v1/tenants', 'tenants', 2, deleteOne)).flat()).toEqual(tenantIds)
  tenantIds.splice(1, 1)
  expect((await pages('/api/v1/tenants', 'tenants', 2)).flat()).toEqual(tenantIds)
})

test('API keys come page by page, and the SDK asks for all of them', async () => {
  const all = (await pages('/api/v1/api-keys', 'apiKeys', 1_000)).flat()
  expect(all.length).toBeGreaterThan(8)
  expect((await pages('/api/v1/api-keys', 'apiKeys', 3)).flat()).toEqual(all)
  const keyhold = openClient(server.url, server.operatorToken)
  const listed = await keyhold.listAll('listApiKeys', { query: { limit: '2' } })
  expect(listed.map(({ id }) => id)).toEqual(all)
  expect((await keyhold.listAll('listTenants')).map(({ id }) => id)).toEqual(tenantIds)
})

test('the versions of the tenant key come page by page, the newest first', async () => {
  const { tenantId, adminToken } = await server.createTenant()
  await server.query(
    `insert into keyhold.tenant_keys (tenant_id, version, id, state, key_arn, key_check_value, destroyed_at)
     select tenant_id, version + n, gen_random_uuid(), 'destroyed', key_arn, key_check_value, now()
     from keyhold.tenant_keys, generate_series(1, 4) n where tenant_id = $1`,
    [tenantId],
  )
  await resignDatabase(server.databaseConnection())
  const keyhold = openClient(server.url, adminToken)
  const { body } = await keyhold.call('listTenantKeys', { query: { limit: '2' } })
  expect(body.tenantKeys.map(({ version }) => version)).toEqual([5, 4])
  expect(body.next).toBe('4')
  const listed = await keyhold.listAll('listTenantKeys', { query: { limit: '2' } })
  expect(listed.map(({ version }) => version)).toEqual([5, 4, 3, 2, 1])
})

test.each([
  'limit=0',
  'limit=1001',
  'limit=x',
  'after=acme',
  'after=1.',
  'after=.a',
  'after=1.a.b',
  'after=-1.a',
  `after=1.${'a'.repeat(65)}`,
  'after=1.a&after=1.b',
])('a page that is none is refused: %s', async (query) => {
  for (const path of ['/api/v1/tenants', '/api/v1/api-keys'])
    expect((await get(`${path}?${query}`)).status).toBe(400)
})

test('a page is read from the index, not from the whole table', async () => {
  const plan = async (table: string) => {
    const rows = await server.query(
      `explain (format json) select id from keyhold.${table}
        where (created_at, id) > (timestamptz '2026-01-01', 'a') order by created_at, id limit 100`,
    )
    return JSON.stringify(rows)
  }
  await server.query(
    `insert into keyhold.tenants (id, name, active_tenant_key_version)
      select 'many-' || n, 'x', 1 from generate_series(1, 5000) n`,
  )
  await server.query(
    `insert into keyhold.api_keys (id, secret_hash, role, name)
      select lpad(n::text, 16, '0'), sha256(n::text::bytea), 'operator', 'x' from generate_series(1, 5000) n`,
  )
  await server.query('analyze keyhold.tenants, keyhold.api_keys')
  expect(await plan('tenants')).toContain('tenants_by_age')
  expect(await plan('api_keys')).toContain('api_keys_by_age')
})

// Somebody writes to the database, with SQL and nothing else, to be let in.
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { Server } from '../../src/main.ts'
import { encodeApiKeyToken, hashApiKeySecret } from '../../src/access/api-key-token.ts'
import { startSecondReplica } from '../../../testkit/src/server/start-second-replica.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

// Whoever has no root key plants keys of the form from before: the ids of others have an end that only the root key makes.
const plainToken = () =>
  ({
    form: 'plain',
    id: randomBytes(8).toString('hex'),
    secret: randomBytes(32).toString('base64url'),
  }) as const

let first: TestServer
let second: Server
let tenant: TestTenant
let neighbour: TestTenant
beforeAll(async () => {
  first = await startTestServer()
  second = await startSecondReplica(first)
  neighbour = await first.createTenant()
})
afterAll(async () => {
  await second.stop()
  await first.stop()
})
beforeEach(async () => {
  tenant = await first.createTenant()
})

const routeOf = {
  operator: '/api/v1/tenants',
  'tenant-admin': '/api/v1/encryption/settings',
  service: '/api/v1/encryption/settings',
  auditor: '/api/v1/audits',
}
type Role = keyof typeof routeOf
const statusAt = async ({ url }: { url: string }, token: string, role: Role = 'tenant-admin') =>
  (await fetch(`${url}${routeOf[role]}`, { headers: { authorization: `Bearer ${token}` } })).status

async function expectRefused(token: string, role: Role = 'tenant-admin'): Promise<void> {
  for (const replica of [first, second])
    await expect.poll(() => statusAt(replica, token, role), { timeout: 5_000 }).toBe(401)
}

/** Where the row that vouches for keys is faulty: also a revoked key is told so, but where it was revoked. */
async function expectNobodyKnows(token: string, role: Role = 'tenant-admin'): Promise<void> {
  for (const replica of [first, second])
    await expect.poll(() => statusAt(replica, token, role), { timeout: 5_000 }).toBeOneOf([401, 503])
  expect(await statusAt(second, token, role)).toBe(503)
}

async function createKey(role: Role, tenantId?: string): Promise<{ id: string; key: string }> {
  const { body } = await first.request('POST', '/api/v1/api-keys', {
    token: first.operatorToken,
    body: { role, ...(tenantId !== undefined && { tenantId }) },
  })
  return body as { id: string; key: string }
}

async function listed(id: string): Promise<unknown> {
  const { body } = await first.request('GET', '/api/v1/api-keys?limit=1000', { token: first.operatorToken })
  return (body as { apiKeys: { id: string }[] }).apiKeys.find((key) => key.id === id)
}

test.each(['operator', 'tenant-admin', 'service', 'auditor'] as const)(
  'a planted key of the role %s is refused, listed as tampered, and can be deleted',
  async (role) => {
    const token = plainToken()
    const tenantId = role === 'operator' ? null : tenant.tenantId
    // With a MAC of another row, and the generation that its scope has.
    await first.query(
      `insert into keyhold.api_keys (id, secret_hash, role, tenant_id, name, generation, mac)
      select $1, $2, $3, $4, '', k.generation, k.mac from keyhold.api_keys k
      where k.tenant_id is not distinct from $4 order by k.id limit 1`,
      [token.id, hashApiKeySecret(token), role, tenantId],
    )
    await expectRefused(encodeApiKeyToken(token), role)
    expect(await listed(token.id)).toMatchObject({ role, tampered: true })
    const path = `/api/v1/api-keys/${token.id}`
    expect((await first.request('DELETE', path, { token: first.operatorToken })).status).toBe(204)
    expect(await listed(token.id)).toBeUndefined()
  },
)

test('a key in use is refused once its role, its tenant or its secret is another one', async () => {
  const others = plainToken()
  for (const [change, values] of [
    [`role = 'operator', tenant_id = null`, []],
    ['tenant_id = $2', [neighbour.tenantId]],
    ['secret_hash = $2', [hashApiKeySecret({ ...others, id: '' })]],
    ['mac = null', []],
  ] as const) {
    const { id, key } = await createKey('tenant-admin', tenant.tenantId)
    for (const replica of [first, second]) expect(await statusAt(replica, key)).toBe(200)
    await first.query(`update keyhold.api_keys set ${change} where id = $1`, [id, ...values])
    await expectRefused(key)
    await expectRefused(encodeApiKeyToken({ ...others, id }))
    expect(await listed(id)).toMatchObject({ tampered: true })
  }
  expect(await statusAt(first, neighbour.adminToken)).toBe(200)
})

test.each(['tenant-admin', 'operator'] as const)(
  'a revoked key of the role %s that is put back is refused: here, elsewhere, and after a restart',
  async (role) => {
    const { id, key } = await createKey(role, role === 'operator' ? undefined : tenant.tenantId)
    for (const replica of [first, second]) expect(await statusAt(replica, key, role)).toBe(200)
    await first.query('create table if not exists public.kept as select * from keyhold.api_keys where false')
    await first.query('insert into public.kept select * from keyhold.api_keys where id = $1', [id])
    expect(
      (await first.request('DELETE', `/api/v1/api-keys/${id}`, { token: first.operatorToken })).status,
    ).toBe(204)
    await first.query('insert into keyhold.api_keys select * from public.kept where id = $1', [id])
    await expectRefused(key, role)
    await first.restart()
    await expectRefused(key, role)
    expect(await statusAt(first, tenant.adminToken)).toBe(200)
    expect(await statusAt(first, first.operatorToken, 'operator')).toBe(200)
  },
)

test('where a generation is lowered, in the guard and in all keys, nobody of the tenant gets in', async () => {
  const { id, key } = await createKey('service', tenant.tenantId)
  await first.query('create table public.before as select * from keyhold.api_keys where tenant_id = $1', [
    tenant.tenantId,
  ])
  await first.request('DELETE', `/api/v1/api-keys/${id}`, { token: first.operatorToken })
  await first.query('delete from keyhold.api_keys where tenant_id = $1', [tenant.tenantId])
  await first.query('insert into keyhold.api_keys select * from public.before')
  await first.query(
    'update keyhold.tenant_guards set api_key_generation = api_key_generation - 1 where tenant_id = $1',
    [tenant.tenantId],
  )
  for (const token of [key, tenant.adminToken]) await expectNobodyKnows(token)
  await first.restart()
  for (const token of [key, tenant.adminToken]) await expectNobodyKnows(token)
})

slowTest(
  'a key that was revoked in the row of the installation holds no more when that is changed',
  async () => {
    const { id, key } = await createKey('operator')
    await first.query('create table public.operators as select * from keyhold.api_keys where id = $1', [id])
    const [before] = await first.query('select api_key_generation as g from keyhold.installation')
    await first.request('DELETE', `/api/v1/api-keys/${id}`, { token: first.operatorToken })
    await first.query('insert into keyhold.api_keys select * from public.operators')
    const [after] = await first.query('select api_key_generation as g from keyhold.installation')
    await first.query('update keyhold.installation set api_key_generation = $1', [before?.g])
    await expectNobodyKnows(key, 'operator')
    await first.query('update keyhold.installation set api_key_generation = $1', [after?.g])
    expect(await statusAt(first, first.operatorToken, 'operator')).toBe(200)
  },
)

slowTest('a revoked key that the database goes on showing is not signed anew with the others', async () => {
  const { id, key } = await createKey('tenant-admin', tenant.tenantId)
  const { key: other } = await createKey('tenant-admin', tenant.tenantId)
  await first.query(`create function keyhold.put_back() returns trigger language plpgsql as
    $$begin insert into keyhold.api_keys select old.*; return null; end$$`)
  await first.query(`create trigger put_back after delete on keyhold.api_keys
    for each row execute function keyhold.put_back()`)
  try {
    await first.request('DELETE', `/api/v1/api-keys/${id}`, { token: first.operatorToken })
  } finally {
    await first.query('drop trigger put_back on keyhold.api_keys')
    await first.query('drop function keyhold.put_back')
  }
  expect(await first.query('select id from keyhold.api_keys where id = $1', [id])).toHaveLength(1)
  await expectRefused(key)
  for (const replica of [first, second]) expect(await statusAt(replica, other)).toBe(200)
})

// Sweeps of real servers: one stuck tenant holds up nobody, and a silent database does not keep a process from its end.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call } from '../../../testkit/src/http/api.ts'
import { prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'
import { startProxyBefore } from '../../../testkit/src/cluster/proxy-before.ts'
import { startSecondReplica } from '../../../testkit/src/server/start-second-replica.ts'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { makeDue } from '../../../testkit/src/server/make-due.ts'
import { resignDatabase } from '../../../testkit/src/database/resign.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(() => server.stop())

/** An old version whose retention has passed; the smaller the number of hours, the later its turn. */
async function addDueVersion(tenantId: string, hours: number): Promise<void> {
  await server.query(
    `insert into keyhold.tenant_keys (tenant_id, version, id, state, key_arn, wrapped, key_check_value, destroy_after)
     select tenant_id, 99, gen_random_uuid(), 'decrypt-only', key_arn, wrapped, key_check_value,
       now() - make_interval(hours => $2)
     from keyhold.tenant_keys where tenant_id = $1 and version = 1`,
    [tenantId, hours],
  )
  await resignDatabase(server.databaseConnection())
}

const stateOf = async (tenantId: string) =>
  (
    await server.query('select state from keyhold.tenant_keys where tenant_id = $1 and version = 99', [
      tenantId,
    ])
  )[0]?.state

test('a tenant for which everything fails stops neither the destructions of others nor other parts', async () => {
  const stuck = await server.createTenant()
  const neighbour = await server.createTenant()
  await server.query(
    `create function keyhold.refuse_stuck() returns trigger language plpgsql as
     $$ begin if new.tenant_id = '${stuck.tenantId}' and new.state = 'destroyed' then raise exception 'stuck'; end if; return new; end $$`,
  )
  await server.query(
    `create trigger refuse_stuck before update on keyhold.tenant_keys
     for each row execute function keyhold.refuse_stuck()`,
  )
  await addDueVersion(stuck.tenantId, 2)
  await addDueVersion(neighbour.tenantId, 1)
  const { tenant } = await prepareTenant(server)
  const path = '/api/v1/encryption/data-keys/one/actions/destroy'
  const { body } = await call(server.url, tenant.adminToken, 'POST', path, { inDays: 7 })
  const { id } = body as { id: string }
  await makeDue(server, id)
  await server.sweep()
  expect([await stateOf(stuck.tenantId), await stateOf(neighbour.tenantId)]).toEqual([
    'decrypt-only',
    'destroyed',
  ])
  expect(
    await server.query('select destroyed_at is not null as done from keyhold.destructions where id = $1', [
      id,
    ]),
  ).toEqual([{ done: true }])

  await server.query('drop trigger refuse_stuck on keyhold.tenant_keys')
  // It is tried again when its pause is over.
  await expect
    .poll(() => server.sweep().then(() => stateOf(stuck.tenantId)), { timeout: 20_000 })
    .toBe('destroyed')
}, 40_000)

test('a server stops in order while its sweep, its probes and its requests wait for a silent database', async () => {
  const { proxy, settings } = await startProxyBefore(server.databaseConnection())
  const second = await startSecondReplica(server, settings, { sweepMs: 10, stopMs: 200 })
  try {
    proxy.isSilent = true
    const asked = second.sweep()
    const token = server.operatorToken
    const headers = { authorization: `Bearer ${token}` }
    const request = fetch(`${second.url}/api/v1/tenants`, { headers }).then(
      ({ status }) => status,
      () => 'closed',
    )
    // Far less than the time after which a statement gives up by itself.
    await second.stop()
    await asked
    expect([503, 'closed']).toContain(await request)
  } finally {
    await proxy.close()
  }
}, 20_000)

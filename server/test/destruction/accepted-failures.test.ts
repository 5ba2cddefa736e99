// The end of cipherkeys that do not open and were accepted: named, scheduled, cancellable, and proven by a record. What opens
// again in time is not destroyed.
import type { Destruction, DestructionWithRecord } from '@keyhold/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { decryptAll } from '../../../testkit/src/http/api.ts'
import {
  act,
  asAdmin,
  codeOf,
  getKeyJob,
  isIn,
  migrate,
  migrations,
  providers,
  tenantKeys,
  waitForKeyJob,
} from '../../../testkit/src/http/key-jobs.ts'
import { plaintexts } from '../../../testkit/src/tenants/prepared-tenant.ts'
import { acceptAll, damage, prepareWaitingMigration } from '../../../testkit/src/tenants/set-aside.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { makeDue } from '../../../testkit/src/server/make-due.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const destructions = '/api/v1/encryption/destructions'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '0' })
})
afterAll(() => server.stop())

/** As a KEK that comes back: the row opens again, and nobody has told Keyhold. */
const repair = (tenant: TestTenant) => damage(server, tenant, 'two')

async function audited(tenant: TestTenant): Promise<unknown[]> {
  const { body } = await asAdmin(server, tenant)('GET', '/api/v1/encryption/audits?limit=1000')
  const { audits } = body as { audits: { action: string }[] }
  return audits.filter(({ action }) => action === 'datakey.keep')
}

/** A migration that is done, with the data key "two" left behind and rotated since. */
async function leaveBehind() {
  const waiting = await prepareWaitingMigration(server)
  await acceptAll(server, waiting.tenant, waiting.id)
  await waitForKeyJob(server, waiting.tenant, waiting.id, isIn('done'))
  return waiting
}

test('a migration whose id has another form is one that does not exist', async () => {
  const tenant = await server.createTenant()
  const failures = [{ dataKeyId: '00000000-0000-4000-8000-000000000000', version: 1 }]
  for (const id of ['nothing', '%2f', '00000000-0000-4000-8000-00000000000'])
    expect(await act(server, tenant, id, 'destroy-failures', { failures, inDays: 7 }), id).toMatchObject({
      status: 404,
      body: { errors: [{ code: 'ERR_MIGRATION_NOT_FOUND' }] },
    })
})

const rotate = (tenant: TestTenant) =>
  asAdmin(server, tenant)('POST', '/api/v1/encryption/data-keys/two/actions/rotate')

async function destroy(tenant: TestTenant, id: string, failures: unknown): Promise<Destruction> {
  const answer = await act(server, tenant, id, 'destroy-failures', { failures, inDays: 7 })
  expect(answer).toMatchObject({
    status: 200,
    body: { kind: 'cipherkeys', cipherkeys: 1, state: 'scheduled' },
  })
  return answer.body as Destruction
}

/** As if the days had passed. */
async function runNow(tenant: TestTenant, { id }: Destruction): Promise<DestructionWithRecord> {
  await makeDue(server, id)
  await server.sweep()
  const { body } = await asAdmin(server, tenant)('GET', `${destructions}/${id}`)
  return body as DestructionWithRecord
}

const blockersOf = async (tenant: TestTenant) => {
  const { body } = await asAdmin(server, tenant)('GET', `${providers}/${tenant.tenantId}/usage`)
  return (body as { blockers: { code: string }[] }).blockers.map(({ code }) => code)
}

test('accepted cipherkeys end by name, with a record, and their tenant key version is needed no more', async () => {
  const { tenant, tokens, id, failures } = await leaveBehind()
  const refuse = async (named: unknown) => {
    const refused = await act(server, tenant, id, 'destroy-failures', { failures: named, inDays: 7 })
    expect([refused.status, codeOf(refused)]).toEqual([404, 'ERR_MIGRATION_FAILURE_NOT_FOUND'])
  }
  // The active version of a name is needed.
  await refuse(failures)
  await rotate(tenant)
  await refuse([...failures, { ...failures[0], version: 9 }])
  expect((await act(server, tenant, id, 'destroy-failures', { failures, inDays: 6 })).status).toBe(400)

  const before = { failed: 1, accepted: 1, destroyed: 0 }
  expect((await getKeyJob(server, tenant, id)).cipherkeys).toMatchObject(before)
  const cancelled = await destroy(tenant, id, [...failures, ...failures])
  const cancel = await asAdmin(server, tenant)('POST', `${destructions}/${cancelled.id}/actions/cancel`)
  expect(cancel).toMatchObject({ status: 200, body: { state: 'cancelled' } })
  expect((await runNow(tenant, cancelled)).state).toBe('cancelled')
  expect(await blockersOf(tenant)).toContain('accepted-failures')

  const done = await runNow(tenant, await destroy(tenant, id, failures))
  expect(done).toMatchObject({
    state: 'destroyed',
    record: {
      kind: 'cipherkeys',
      cipherkeys: {
        count: 1,
        dataKeys: 1,
        listed: [{ ...failures[0], keyName: 'two', tenantKeyVersion: 1 }],
      },
    },
  })
  expect(await blockersOf(tenant)).not.toContain('accepted-failures')
  const [one, , three] = plaintexts
  expect(await decryptAll(server.url, tenant, tokens)).toEqual([one, 'ERR_DECRYPTION_FAILED', three])
  const { body } = await asAdmin(server, tenant)('GET', `${migrations}/${id}/failures`)
  expect(body).toEqual({ failures: [] })
  const counts = { failed: 1, accepted: 0, destroyed: 1 }
  expect((await getKeyJob(server, tenant, id)).cipherkeys).toMatchObject(counts)
  await migrate(server, tenant, tenant.tenantId)
  expect((await tenantKeys(server, tenant)).map(({ state }) => state)).toEqual([
    'destroyed',
    'destroyed',
    'active',
  ])
})

slowTest('what opens again and is brought over before its day is not destroyed', async () => {
  const { tenant, tokens, id, failures } = await leaveBehind()
  await rotate(tenant)
  const destruction = await destroy(tenant, id, failures)
  await repair(tenant)
  await migrate(server, tenant, tenant.tenantId)
  expect(await runNow(tenant, destruction)).toMatchObject({
    state: 'destroyed',
    record: { cipherkeys: { count: 0, listed: [] } },
  })
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
})

slowTest(
  'what opens again by its day is not destroyed, without any key job, and is like all others from then on',
  async () => {
    const { tenant, tokens, id, failures } = await leaveBehind()
    await rotate(tenant)
    const destruction = await destroy(tenant, id, failures)
    await repair(tenant)
    const [kept] = failures
    expect(await runNow(tenant, destruction)).toMatchObject({
      state: 'destroyed',
      record: { cipherkeys: { count: 0 }, kept: { count: 1, listed: [{ ...kept, tenantKeyVersion: 1 }] } },
    })
    expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
    expect(await audited(tenant)).toMatchObject([
      { target: { id: destruction.id }, details: { cipherkeys: '1' } },
    ])
    expect((await getKeyJob(server, tenant, id)).cipherkeys).toMatchObject({
      failed: 0,
      accepted: 0,
      destroyed: 0,
    })
    const blockers = await blockersOf(tenant)
    expect(blockers).toContain('cipherkeys')
    expect(blockers).not.toContain('accepted-failures')
    await migrate(server, tenant, tenant.tenantId)
    expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
  },
)

slowTest('while nobody can tell whether they open, nothing is destroyed', async () => {
  const { tenant, id, failures } = await leaveBehind()
  await rotate(tenant)
  const destruction = await destroy(tenant, id, failures)
  await asAdmin(server, tenant)('POST', '/api/v1/encryption/actions/lock')
  expect((await runNow(tenant, destruction)).state).toBe('scheduled')
  await asAdmin(server, tenant)('POST', '/api/v1/encryption/actions/unlock')
  const state = async () => {
    await server.sweep()
    const { body } = await asAdmin(server, tenant)('GET', `${destructions}/${destruction.id}`)
    return (body as Destruction).state
  }
  await expect.poll(state, { timeout: 20_000, interval: 500 }).toBe('destroyed')
})

test.each([
  ['[{"dataKeyId": "01890000-0000-7000-8000-000000000000", "version": 1}]'],
  ['[{"dataKeyId": 7}]'],
  ['{"dataKeyId": "x"}'],
])(
  'where the stored names are %s nothing is destroyed and nothing signed, and it can be cancelled',
  async (stored) => {
    const { tenant, id, failures } = await leaveBehind()
    await rotate(tenant)
    const destruction = await destroy(tenant, id, failures)
    const damaged = 'update keyhold.destructions set cipherkeys = $2::jsonb where id = $1'
    await server.query(damaged, [destruction.id, stored])
    const left = `select count(*)::int as count from keyhold.cipherkeys where tenant_id = $1`
    const before = await server.query(left, [tenant.tenantId])

    const due = await runNow(tenant, destruction)
    expect(due.state).toBe('scheduled')
    expect(due).not.toHaveProperty('jws')
    expect(await server.query(left, [tenant.tenantId])).toEqual(before)
    const cancel = await asAdmin(server, tenant)('POST', `${destructions}/${destruction.id}/actions/cancel`)
    expect(cancel).toMatchObject({ status: 200, body: { state: 'cancelled' } })
  },
)

// Cipherkeys that do not open: named, held against the migration, repaired and retried, or accepted by name.
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { decryptAll, startMigration } from '../../../testkit/src/http/api.ts'
import {
  act,
  asAdmin,
  codeOf,
  isIn,
  isPaused,
  migrations,
  migrate,
  providers,
  tenantKeys,
  waitForKeyJob,
} from '../../../testkit/src/http/key-jobs.ts'
import { plaintexts, prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let server: TestServer
beforeAll(async () => {
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '0' })
})
afterAll(() => server.stop())

interface Failure {
  dataKeyId: string
  version: number
  keyName?: string
  acceptedBy?: string
}

/** Turns one bit; done twice it is the repair. */
function damage({ tenantId }: TestTenant, ...keyNames: string[]) {
  const text = `update keyhold.cipherkeys set wrapped = set_byte(wrapped, 60, get_byte(wrapped, 60) # 1)
    where tenant_id = $1 and key_name = any($2)`
  return server.query(text, [tenantId, keyNames])
}

async function failuresOf(
  tenant: TestTenant,
  id: string,
  query = '',
): Promise<{ failures: Failure[]; next?: string }> {
  const { status, body } = await asAdmin(server, tenant)('GET', `${migrations}/${id}/failures${query}`)
  expect(status).toBe(200)
  return body as { failures: Failure[]; next?: string }
}

async function pauseOnDamage(...keyNames: string[]) {
  const prepared = await prepareTenant(server)
  await damage(prepared.tenant, ...keyNames)
  const id = await startMigration(server.url, prepared.tenant, prepared.fingerprint)
  const paused = await waitForKeyJob(server, prepared.tenant, id, isPaused)
  return { ...prepared, id, paused }
}

test('a damaged cipherkey is named and holds the migration in verify; repaired and retried, it completes', async () => {
  const { tenant, tokens, fingerprint, id, paused } = await pauseOnDamage('two')
  expect(paused).toMatchObject({
    phase: 'verify',
    cipherkeys: { total: 3, copied: 2, failed: 1, accepted: 0 },
    lastError: { code: 'ERR_MIGRATION_FAILURES_OPEN' },
  })
  expect(paused.retryAt).toBeDefined()
  const { failures } = await failuresOf(tenant, id)
  expect(failures).toMatchObject([
    { keyName: 'two', version: 1, tenantKeyVersion: 1, code: 'ERR_KEY_INTEGRITY' },
  ])
  expect(await asAdmin(server, tenant)('DELETE', `${providers}/${fingerprint}`)).toMatchObject({
    status: 424,
  })
  const [one, , three] = plaintexts
  expect(await decryptAll(server.url, tenant, tokens)).toEqual([one, 'ERR_KEY_INTEGRITY', three])
  const early = await asAdmin(server, tenant)('GET', `${migrations}/${id}/report`)
  expect([early.status, codeOf(early)]).toEqual([404, 'ERR_MIGRATION_REPORT_NOT_FOUND'])

  await damage(tenant, 'two')
  const startMs = performance.now()
  const retried = await act(server, tenant, id, 'retry')
  expect(retried.status).toBe(200)
  expect(retried.body).not.toHaveProperty('retryAt')
  const done = await waitForKeyJob(server, tenant, id, isIn('done'))
  // Without being asked it would wait for half a minute.
  expect(performance.now() - startMs).toBeLessThan(15_000)
  expect(done.cipherkeys).toMatchObject({ copied: 3, failed: 0, accepted: 0 })
  expect(await failuresOf(tenant, id)).toEqual({ failures: [] })
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
  const late = await act(server, tenant, id, 'retry')
  expect([late.status, codeOf(late)]).toEqual([409, 'ERR_MIGRATION_ENDED'])
})

test('accepted by name, what does not open stays behind under the old version, which is kept', async () => {
  const { tenant, tokens, fingerprint, id } = await pauseOnDamage('one', 'two')
  const [first, second] = (await failuresOf(tenant, id)).failures
  if (first === undefined || second === undefined) throw new Error('two failures were expected')
  const name = ({ dataKeyId, version }: Failure) => ({ dataKeyId, version })

  // All or none: one that is not set aside, and none of the others is accepted.
  const wrong = { dataKeyId: first.dataKeyId, version: 9 }
  const refused = await act(server, tenant, id, 'accept-failures', { failures: [name(first), wrong] })
  expect([refused.status, codeOf(refused)]).toEqual([404, 'ERR_MIGRATION_FAILURE_NOT_FOUND'])
  expect((await failuresOf(tenant, id)).failures.every(({ acceptedBy }) => acceptedBy === undefined)).toBe(
    true,
  )

  // One of two: it still waits.
  const half = await act(server, tenant, id, 'accept-failures', { failures: [name(first), name(first)] })
  expect(half).toMatchObject({ status: 200, body: { cipherkeys: { failed: 2, accepted: 1 } } })
  await expect
    .poll(async () => (await waitForKeyJob(server, tenant, id, isPaused)).lastError?.message, {
      timeout: 15_000,
    })
    .toMatch(/^1 cipherkey/)

  const rest = { failures: [name(first), name(second)] }
  expect(await act(server, tenant, id, 'accept-failures', rest)).toMatchObject({ status: 200 })
  const done = await waitForKeyJob(server, tenant, id, isIn('done'))
  expect(done.cipherkeys).toMatchObject({ copied: 1, failed: 2, accepted: 2, verified: 1 })
  const keys = await server.request('GET', '/api/v1/api-keys', { token: server.operatorToken })
  const admin = (keys.body as { apiKeys: { id: string; role: string; tenantId?: string }[] }).apiKeys.find(
    (key) => key.tenantId === tenant.tenantId && key.role === 'tenant-admin',
  )
  expect((await failuresOf(tenant, id)).failures.map(({ acceptedBy }) => acceptedBy)).toEqual([
    admin?.id,
    admin?.id,
  ])

  expect(await tenantKeys(server, tenant)).toMatchObject([
    { version: 1, state: 'decrypt-only', fingerprint: tenant.tenantId },
    { version: 2, state: 'active', fingerprint },
  ])
  expect(await asAdmin(server, tenant)('GET', `${providers}/${tenant.tenantId}/usage`)).toMatchObject({
    body: {
      current: false,
      safeToDelete: false,
      tenantKeys: [{ version: 1, state: 'decrypt-only', cipherkeys: 2 }],
      blockers: [{ code: 'root-key' }, { code: 'accepted-failures' }],
    },
  })
  // Repaired after all, they open with the version that was kept for them.
  await damage(tenant, 'one', 'two')
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
  await migrate(server, tenant, tenant.tenantId)
  expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
  expect((await tenantKeys(server, tenant)).map(({ state }) => state)).toEqual([
    'destroyed',
    'destroyed',
    'active',
  ])
})

slowTest('a key that wraps what was accepted cannot be removed', async () => {
  const { tenant, fingerprint } = await prepareTenant(server)
  await migrate(server, tenant, fingerprint)
  await damage(tenant, 'three')
  const id = await startMigration(server.url, tenant, tenant.tenantId)
  await waitForKeyJob(server, tenant, id, isPaused)
  const { failures } = await failuresOf(tenant, id)
  const named = failures.map(({ dataKeyId, version }) => ({ dataKeyId, version }))
  await act(server, tenant, id, 'accept-failures', { failures: named })
  await waitForKeyJob(server, tenant, id, isIn('done'))
  const removed = await asAdmin(server, tenant)('DELETE', `${providers}/${fingerprint}`)
  expect([removed.status, codeOf(removed)]).toEqual([424, 'ERR_KEY_PROVIDER_IN_USE'])
})

slowTest('a list of failures goes on where a page ended', async () => {
  const { tenant, id } = await pauseOnDamage('one', 'two', 'three')
  const all = (await failuresOf(tenant, id)).failures
  const first = await failuresOf(tenant, id, '?limit=2')
  expect(first.failures).toEqual(all.slice(0, 2))
  const second = await failuresOf(tenant, id, `?limit=2&after=${first.next ?? ''}`)
  expect(second).toEqual({ failures: all.slice(2) })
})

test.each(
  doseOf(
    [
      ['no failures', { failures: [] }],
      ['no name', { failures: [{}] }],
      [
        'another member',
        { failures: [{ dataKeyId: '01890000-0000-7000-8000-000000000000', version: 1 }], all: true },
      ],
      ['no id', { failures: [{ dataKeyId: 'x', version: 1 }] }],
      [
        'a version beyond all',
        { failures: [{ dataKeyId: '01890000-0000-7000-8000-000000000000', version: 2 ** 31 }] },
      ],
    ],
    2,
  ),
)('accepting refuses a body with %s', async (_, body) => {
  const tenant = await server.createTenant()
  const answer = await act(server, tenant, '01890000-0000-7000-8000-000000000000', 'accept-failures', body)
  expect([answer.status, codeOf(answer)]).toEqual([400, 'ERR_INVALID_REQUEST'])
})

test.each(['?limit=0', '?limit=1001', '?after=x', '?after=01890000-0000-7000-8000-000000000000.9999999999'])(
  'a list of failures refuses %s',
  async (query) => {
    const { tenant, fingerprint } = await prepareTenant(server)
    const { id } = await migrate(server, tenant, fingerprint)
    const answer = await asAdmin(server, tenant)('GET', `${migrations}/${id}/failures${query}`)
    expect([answer.status, codeOf(answer)]).toEqual([400, 'ERR_INVALID_REQUEST'])
  },
)

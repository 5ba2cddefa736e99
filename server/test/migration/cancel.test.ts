// Cancelling in every phase: what was begun goes back, nothing is lost, and a new migration can begin.
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import type { KeyJob } from '@keyhold/contract'
import { randomUUID } from 'node:crypto'
import { describe, test, type TestContext } from 'vitest'
import { cancelMigration } from '../../src/migration/cancel-migration.ts'
import type { FailpointName } from '../../src/migration/engine/failpoint.ts'
import { holdAt, type Hold } from '../../../testkit/src/server/hold-at.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import {
  call,
  decryptAll,
  encryptUnder,
  plaintextOf,
  registerKey,
  startMigration,
} from '../../../testkit/src/http/api.ts'
import {
  act,
  asAdmin,
  codeOf,
  currentProvider,
  getKeyJob,
  isIn,
  isPaused,
  migrate,
  providers,
  tenantKeys,
  waitForKeyJob,
} from '../../../testkit/src/http/key-jobs.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'
import { plaintexts, prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'

type Context = Pick<TestContext, 'onTestFinished'>

async function startServer({ onTestFinished }: Context, hold?: Hold): Promise<TestServer> {
  const server = await startTestServer(
    { KEYHOLD_KEY_CACHE_TTL_SECONDS: '0', KEYHOLD_KEY_JOB_LEAD_SECONDS: '2' },
    hold === undefined ? {} : { hold },
  )
  onTestFinished(() => server.stop())
  return server
}

async function epochOf(server: TestServer, { tenantId }: TestTenant): Promise<number> {
  const [row] = await server.query('select fence_epoch as epoch from keyhold.tenants where id = $1', [
    tenantId,
  ])
  return Number(row?.epoch)
}

const details = `${providers}/migration/actions/details`

type PhaseCase = [phase: KeyJob['phase'], failpoint: FailpointName, isThere: (job: KeyJob) => boolean]

// Much of each test is waiting for the engine.
describe.concurrent('cancelling', () => {
  const phases: PhaseCase[] = [
    ['prepare', 'migration.prepare.before-kms', isIn('prepare')],
    ['dual', 'migration.dual.before-lock', isIn('dual')],
    // All are copied by then, so that there is something to bring back.
    ['copy', 'migration.copy.after-commit', ({ cipherkeys }) => cipherkeys.copied === 3],
    ['verify', 'migration.verify.before', isIn('verify')],
    ['cutover', 'migration.cutover.before-lock', isIn('cutover')],
  ]
  test.for(doseOf(phases, 3))(
    'a migration cancelled in %s leaves the tenant where it was',
    async ([phase, failpoint, isThere], context) => {
      const { expect } = context
      const hold = holdAt(failpoint)
      const server = await startServer(context, hold)
      const { tenant, tokens, arn, fingerprint } = await prepareTenant(server)
      const admin = asAdmin(server, tenant)
      const id = await startMigration(server.url, tenant, fingerprint)
      const before = await waitForKeyJob(server, tenant, id, isThere)
      expect(before.phase).toBe(phase)
      const during = await encryptUnder(server.url, tenant, ['during'])
      const epoch = await epochOf(server, tenant)

      const cancelled = await act(server, tenant, id, 'cancel')
      expect(cancelled).toMatchObject({ status: 200, body: { id, phase: 'aborting' } })
      // An aborted migration is no migration for the original's clients.
      expect(await admin('GET', details)).toMatchObject({ status: 404 })
      expect(await admin('DELETE', `${providers}/${fingerprint}`)).toMatchObject({ status: 424 })
      const after = await encryptUnder(server.url, tenant, ['after'])
      hold.release()
      const job = await waitForKeyJob(server, tenant, id, isIn('aborted'))

      expect(job.cancelledAt).toBeDefined()
      expect(job.completedAt).toBeDefined()
      expect(job.source.tenantKeyVersion).toBe(1)
      expect(await act(server, tenant, id, 'cancel')).toMatchObject({
        status: 200,
        body: { phase: 'aborted' },
      })
      expect(await epochOf(server, tenant)).toBeGreaterThan(epoch)
      expect(await currentProvider(server, tenant)).toBe(tenant.tenantId)
      expect(await admin('GET', details)).toMatchObject({ status: 404 })
      const states = (await tenantKeys(server, tenant)).map(({ state }) => state)
      expect(states).toEqual(phase === 'prepare' ? ['active'] : ['active', 'destroyed'])
      expect(await decryptAll(server.url, tenant, [...tokens, ...during, ...after])).toEqual([
        ...plaintexts,
        plaintextOf('during'),
        plaintextOf('after'),
      ])
      expect(await admin('GET', `${providers}/${fingerprint}/usage`)).toMatchObject({
        body: { safeToDelete: true, safeSince: job.completedAt, blockers: [], tenantKeys: [] },
      })
      expect(await admin('DELETE', `${providers}/${fingerprint}`)).toMatchObject({ status: 200 })

      expect(await registerKey(server.url, tenant, arn)).toBe(fingerprint)
      await migrate(server, tenant, fingerprint)
      expect(await currentProvider(server, tenant)).toBe(fingerprint)
      expect(await decryptAll(server.url, tenant, [...tokens, ...during, ...after])).toHaveLength(5)
      expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
    },
  )

  slowTest(
    'what is completed cannot be cancelled, and details show it after a later one was cancelled',
    async (context) => {
      const { expect } = context
      const hold = holdAt('migration.copy.after-commit', 2)
      const server = await startServer(context, hold)
      const { tenant, tokens, fingerprint } = await prepareTenant(server)
      const second = await registerKey(server.url, tenant, await server.createCustomerKey([tenant.tenantId]))
      const first = await migrate(server, tenant, fingerprint)
      const refused = await act(server, tenant, first.id, 'cancel')
      expect([refused.status, codeOf(refused)]).toEqual([409, 'ERR_MIGRATION_ENDED'])

      const id = await startMigration(server.url, tenant, second)
      await waitForKeyJob(server, tenant, id, ({ cipherkeys }) => cipherkeys.copied === 3)
      const [one, two] = await Promise.all([
        act(server, tenant, id, 'cancel'),
        act(server, tenant, id, 'cancel'),
      ])
      expect([one.status, two.status]).toEqual([200, 200])
      hold.release()
      await waitForKeyJob(server, tenant, id, isIn('aborted'))
      expect(await asAdmin(server, tenant)('GET', details)).toMatchObject({
        status: 200,
        body: { id: first.id, state: 'Completed' },
      })
      expect(await currentProvider(server, tenant)).toBe(fingerprint)
      expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
    },
  )

  slowTest('nothing is cancelled while the key to go back to is disabled', async (context) => {
    const { expect } = context
    const hold = holdAt('migration.copy.after-commit', 2)
    const server = await startServer(context, hold)
    const { tenant, tokens, arn, fingerprint } = await prepareTenant(server)
    const second = await registerKey(server.url, tenant, await server.createCustomerKey([tenant.tenantId]))
    await migrate(server, tenant, fingerprint)
    const id = await startMigration(server.url, tenant, second)
    await waitForKeyJob(server, tenant, id, ({ cipherkeys }) => cipherkeys.copied === 3)
    await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
    const epoch = await epochOf(server, tenant)

    const refused = await act(server, tenant, id, 'cancel')
    expect([refused.status, codeOf(refused)]).toEqual([424, 'ERR_MIGRATION_NOT_PREPARED'])
    expect(await getKeyJob(server, tenant, id)).toMatchObject({ phase: 'copy', cipherkeys: { copied: 3 } })
    expect(await epochOf(server, tenant)).toBe(epoch)

    // It needs that key no more, and goes on.
    hold.release()
    const job = await waitForKeyJob(server, tenant, id, isIn('done'))
    expect(job).not.toHaveProperty('cancelledAt')
    expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
  })

  slowTest(
    'on the way back a lost target pauses it, says why, and it goes on when access returns',
    async (context) => {
      const { expect } = context
      const hold = holdAt('migration.copy.after-commit')
      const server = await startServer(context, hold)
      const { tenant, tokens, arn, fingerprint } = await prepareTenant(server)
      const id = await startMigration(server.url, tenant, fingerprint)
      await waitForKeyJob(server, tenant, id, ({ cipherkeys }) => cipherkeys.copied === 3)
      await server.customerKms().send(new DisableKeyCommand({ KeyId: arn }))
      expect(await act(server, tenant, id, 'cancel')).toMatchObject({ status: 200 })
      hold.release()
      const paused = await waitForKeyJob(server, tenant, id, isPaused)
      expect(paused).toMatchObject({ phase: 'aborting', lastError: { code: 'ERR_MIGRATION_FAILURES_OPEN' } })
      expect(paused.lastError?.message).toContain('3 under tenant key version 2: ERR_KMS_KEY_DISABLED')

      await server.customerKms().send(new EnableKeyCommand({ KeyId: arn }))
      expect(await act(server, tenant, id, 'retry')).toMatchObject({ status: 200 })
      const job = await waitForKeyJob(server, tenant, id, isIn('aborted'))
      expect(job).not.toHaveProperty('lastError')
      expect(job.cipherkeys.copied).toBe(3)
      expect(await decryptAll(server.url, tenant, tokens)).toEqual(plaintexts)
    },
  )

  test('a migration of another tenant is as unknown as none', async (context) => {
    const { expect } = context
    const server = await startServer(context)
    const { tenant, fingerprint } = await prepareTenant(server)
    const { id } = await migrate(server, tenant, fingerprint)
    const other = await server.createTenant()
    for (const wrong of [id, 'x', '01890000-0000-7000-8000-000000000000']) {
      const answer = await call(
        server.url,
        other.adminToken,
        'POST',
        `/api/v1/encryption/migrations/${wrong}/actions/cancel`,
      )
      expect([answer.status, codeOf(answer)]).toEqual([404, 'ERR_MIGRATION_NOT_FOUND'])
    }
  })
})

test('a migration that ends, source and all, while its cancellation is on the way has ended', async ({
  expect,
}) => {
  const phases = ['copy', 'done']
  const job = { id: randomUUID(), tenantId: 'tenant-1', sourceVersion: 1, targetVersion: 2 }
  const store = {
    keyJobs: { find: () => Promise.resolve({ ...job, phase: phases.shift() }) },
    tenants: { findFence: () => Promise.resolve({ activeTenantKeyVersion: 2 }) },
    // Without a time for backups.
    tenantKeys: { find: () => Promise.resolve(undefined) },
  }
  await expect(
    cancelMigration({ store } as never, job.tenantId, job.id, { id: 'test', role: 'tenant-admin' }),
  ).rejects.toMatchObject({ code: 'ERR_MIGRATION_ENDED' })
})

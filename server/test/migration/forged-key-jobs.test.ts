// Attacks on key jobs by somebody who may run any SQL, and has neither a root key nor an API key. They are judged by what
// comes of them: no KMS is asked for a key that no admin chose, no cipherkey is rewrapped, nothing is signed, and who uses a
// key of his own stays under it.
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'
import { runMigration } from '../../src/migration/engine/run-migration.ts'
import type { FailpointName } from '../../src/migration/engine/failpoint.ts'
import { cancelMigration } from '../../src/migration/cancel-migration.ts'
import { startMigration } from '../../src/migration/start-migration.ts'
import { startRotation } from '../../src/migration/start-rotation.ts'
import { systemActor } from '../../src/store/audits.ts'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import type { Kek } from '../model/model.ts'
import { keyArns } from '../model/revocable-kms.ts'
import { fingerprintOf, refusalOf, TenantUnderTest } from '../model/tenant-under-test.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())
afterEach(() => vi.restoreAllMocks())

const query = (statement: string) => stores.query(statement)
const names = ['one', 'two', 'three', 'four', 'five']

interface Scene {
  tenant: TenantUnderTest
  /** A tenant that nobody attacks, with a rotation that is about to begin. */
  neighbour: TenantUnderTest
  id: string
}

/** A tenant under the KEK, with the KEK `a` registered beside the internal one. */
async function createTenant(current: Kek): Promise<TenantUnderTest> {
  const tenant = await new TenantUnderTest(stores.db, stores.store, {
    ...{ ttlMs: 0, backupRetentionDays: 30 },
  }).create()
  for (const name of names) await tenant.encrypt(name, `secret ${name}`)
  await tenant.register('a')
  if (current !== 'root') {
    await migrate(tenant, current)
    await tenant.letJobsRun()
  }
  return tenant
}

async function migrate({ replica, tenantId }: TenantUnderTest, to: Kek): Promise<string> {
  return (await startMigration(replica.start, tenantId, fingerprintOf(to, tenantId), systemActor)).id
}

async function createScene(current: Kek): Promise<Scene> {
  const [tenant, neighbour] = [await createTenant(current), await createTenant('root')]
  await startRotation(neighbour.replica.start, neighbour.tenantId, systemActor)
  return { tenant, neighbour, id: tenant.tenantId }
}

/** Whatever of the tenant an attack may not change. */
async function stateOf({ tenantId }: TenantUnderTest): Promise<unknown> {
  const of = `tenant_id = '${tenantId}'`
  return {
    cipherkeys: await query(`select data_key_id, version, tenant_key_version, wrapped from keyhold.cipherkeys
      where ${of} order by 1, 2`),
    versions: await query(`select version, state, key_arn, wrapped, destroy_after from keyhold.tenant_keys
      where ${of} order by 1`),
    providers: await query(
      `select fingerprint, is_current from keyhold.key_providers where ${of} order by 1`,
    ),
    fence: await query(
      `select active_tenant_key_version, current_fingerprint from keyhold.tenants where id = '${tenantId}'`,
    ),
    reports:
      await query(`select r.key_job_id from keyhold.key_job_reports r join keyhold.key_jobs j on j.id = r.key_job_id
      where ${of} order by 1`),
  }
}

/** Leads whatever the database offers, as all replicas do, again and again. */
async function leadEverything(): Promise<void> {
  const { signal } = new AbortController()
  for (let round = 0; round < 3; round++) {
    await query('update keyhold.key_jobs set lead_expires_at = null, retry_at = null')
    for (const { id, tenantId } of await stores.store.keyJobs.listUnled()) {
      const replica = tenants.get(tenantId)?.createReplica({})
      if (replica !== undefined)
        await runMigration(replica.migration, id, { signal, onPause: () => undefined })
    }
  }
}
const tenants = new Map<string, TenantUnderTest>()

/** The KEKs that were asked anything about. */
function watchKms({ kms }: TenantUnderTest): () => Set<string> {
  const spies = (['createTenantKey', 'unwrapTenantKey', 'inspectKey'] as const).map((name) =>
    vi.spyOn(kms, name),
  )
  return () => new Set(spies.flatMap(({ mock }) => mock.calls.map(([keyArn]) => keyArn)))
}

/** Does what the attacker does, lets all replicas work, and sees that nothing came of it. */
async function expectNothing(
  { tenant, neighbour, id }: Scene,
  attack: () => Promise<unknown>,
  foreign: Kek = 'b',
): Promise<void> {
  tenants.clear()
  for (const each of [tenant, neighbour]) tenants.set(each.tenantId, each)
  const before = await stateOf(tenant)
  const asked = watchKms(tenant)
  await attack()
  await leadEverything()
  expect([...asked()]).not.toContain(keyArns[foreign])
  expect(await stateOf(tenant)).toEqual(before)
  const [told] = await query(`select last_error ->> 'code' as code, led_by from keyhold.key_jobs
    where tenant_id = '${id}' and phase not in ('done', 'aborted')`)
  expect(told).toEqual({ code: 'ERR_RECORD_NOT_AUTHENTIC', led_by: null })
  // One faulty row stops the work of its tenant alone.
  const [rotation] = await stores.store.keyJobs.list(neighbour.tenantId, 1)
  expect(rotation).toMatchObject({ kind: 'rotation', phase: 'done' })
}

const plant = (id: string, target: Kek, macs = 'null, null') =>
  query(`insert into keyhold.key_jobs (id, tenant_id, kind, phase, source_fingerprint, source_key_arn, source_version,
      target_fingerprint, target_key_arn, mac, progress_mac)
    select gen_random_uuid(), t.id, 'migration', 'prepare', p.fingerprint, p.key_arn, t.active_tenant_key_version,
      '${target === 'root' ? id : fingerprintOf(target, id)}', '${keyArns[target]}', ${macs}
    from keyhold.tenants t join keyhold.key_providers p on p.tenant_id = t.id and p.is_current where t.id = '${id}'`)

test("a planted migration to the attacker's own key", async () => {
  const scene = await createScene('a')
  await expectNothing(scene, () => plant(scene.id, 'b'))
  // No admin starts a key job beside it, and it gets nothing out of that either.
  const rotating = startRotation(scene.tenant.replica.start, scene.id, systemActor)
  expect(await refusalOf(rotating)).toBe('ERR_RECORD_NOT_AUTHENTIC')
  await query(`delete from keyhold.key_jobs where tenant_id = '${scene.id}' and phase = 'prepare'`)
  await startRotation(scene.tenant.replica.start, scene.id, systemActor)
  await scene.tenant.letJobsRun()
  expect(await scene.tenant.encrypt('one', 'as before')).toBeDefined()
})

test("a planted migration with the MACs of a key job of the tenant's own", async () => {
  const scene = await createScene('a')
  const of = (column: string) =>
    `(select ${column} from keyhold.key_jobs where tenant_id = '${scene.id}' and phase = 'done')`
  await expectNothing(scene, () => plant(scene.id, 'b', `${of('mac')}, ${of('progress_mac')}`))
})

slowTest('a planted migration from a key of the customer to the internal KMS', async () => {
  const scene = await createScene('a')
  await expectNothing(scene, () => plant(scene.id, 'root'), 'root')
  scene.tenant.kms.close('a', 'ERR_KMS_KEY_DISABLED')
  // Beside a planted row the tenant is closed, and without it the customer's key still decides.
  expect(await refusalOf(scene.tenant.encrypt('one', 'x'))).toBeDefined()
  await query(`delete from keyhold.key_jobs where tenant_id = '${scene.id}' and phase = 'prepare'`)
  expect(await refusalOf(scene.tenant.encrypt('one', 'x'))).toBe('ERR_KMS_KEY_DISABLED')
})

/** Keeps a copy of the tenant's key jobs as they are. */
async function keepJobs(id: string): Promise<void> {
  await query('drop table if exists public.kept')
  await query(`create table public.kept as select * from keyhold.key_jobs where tenant_id = '${id}'`)
}

const putBack = (columns: readonly string[]) =>
  query(`update keyhold.key_jobs j set ${columns.map((each) => `${each} = k.${each}`).join(', ')}
    from public.kept k where k.id = j.id`)
const progress = [
  ...[
    'phase',
    'target_version',
    'epoch',
    'copied_to_data_key_id',
    'copied_to_version',
    'total',
    'copied',
    'failed',
  ],
  ...['verified', 'verified_to', 'verification', 'copy_started_at', 'copy_ended_at', 'completed_at'],
  ...['failures_digest', 'json_digests', 'progress_mac'],
]
const task = [
  'source_fingerprint',
  'source_key_arn',
  'source_version',
  'target_fingerprint',
  'target_key_arn',
]
const everything = [...progress, ...task, 'cancelled_at', 'mac']

const failpoints: FailpointName[] = [
  'migration.prepare.before-kms',
  'migration.dual.before-lock',
  'migration.copy.before-chunk',
  'migration.verify.before',
  'migration.cutover.before-lock',
]
test.each(doseOf(failpoints, 9))(
  'a key job that has ended, put back as it was at %s, which is authentic',
  async (failpoint) => {
    const scene = await createScene('root')
    await migrate(scene.tenant, 'a')
    expect(await scene.tenant.killAt({ name: failpoint, hit: 1 }, () => scene.tenant.letJobsRun())).toBe(true)
    await keepJobs(scene.id)
    await scene.tenant.letJobsRun()
    await startRotation(scene.tenant.replica.start, scene.id, systemActor)
    await scene.tenant.letJobsRun()
    await expectNothing(scene, () => putBack(everything))
  },
)

slowTest("a live key job of another tenant, made this one's", async () => {
  const scene = await createScene('a')
  const other = await createTenant('root')
  await migrate(other, 'a')
  await expectNothing(scene, () =>
    query(`update keyhold.key_jobs set tenant_id = '${scene.id}' where tenant_id = '${other.tenantId}'`),
  )
})

/** A key job from the internal KMS to the KEK `a` that has come so far. */
async function stopAt(name: FailpointName): Promise<Scene & { jobId: string }> {
  const scene = await createScene('root')
  const jobId = await migrate(scene.tenant, 'a')
  expect(await scene.tenant.killAt({ name, hit: 1 }, () => scene.tenant.letJobsRun())).toBe(true)
  return { ...scene, jobId }
}

/** The genuine row goes on to its end, as if nothing had happened. */
async function expectEnd({ tenant, id }: Scene, phase: 'done' | 'aborted'): Promise<void> {
  await putBack(everything)
  await tenant.letJobsRun()
  const [job] = await stores.store.keyJobs.list(id, 1)
  expect(job?.phase).toBe(phase)
  for (const name of names) expect(await tenant.encrypt(name, 'x')).toBeDefined()
}

const changes: [failpoint: FailpointName, what: string, set: string][] = [
  [
    'migration.prepare.before-kms',
    'another target',
    `target_key_arn = '${keyArns.b}', target_fingerprint = '${fingerprintOf('b', '')}'`,
  ],
  ['migration.dual.before-lock', 'another target', `target_key_arn = '${keyArns.b}'`],
  ['migration.prepare.before-kms', 'a later phase', `phase = 'cutover', target_version = 1`],
  ['migration.dual.before-lock', 'another target version', 'target_version = 1'],
  ['migration.copy.before-chunk', 'a later phase', `phase = 'verify'`],
  ['migration.copy.before-chunk', 'the last phase', `phase = 'cutover'`],
  ['migration.copy.before-chunk', 'the way back', `phase = 'aborting'`],
  ['migration.copy.before-chunk', 'the way back, with its time', `phase = 'aborting', cancelled_at = now()`],
  ['migration.copy.before-chunk', 'a cancellation', 'cancelled_at = now()'],
  [
    'migration.copy.before-chunk',
    'rows that are skipped',
    `copied_to_data_key_id = 'ffffffff-ffff-4fff-bfff-ffffffffffff',
    copied_to_version = 1`,
  ],
  ['migration.copy.before-chunk', 'another count', 'copied = 5, total = 5'],
  ['migration.copy.before-chunk', 'another epoch', 'epoch = epoch + 1'],
  ['migration.copy.before-chunk', 'no MAC of its task', 'mac = null'],
  ['migration.copy.before-chunk', 'no MAC of its progress', 'progress_mac = null'],
  ['migration.copy.before-chunk', 'its MACs exchanged', 'mac = progress_mac, progress_mac = mac'],
  ['migration.verify.before', 'an earlier phase', `phase = 'copy'`],
  [
    'migration.verify.before',
    'a verification that never was',
    `phase = 'cutover', verified = 5, verification = '{"verifiedAt": "2026-01-01T00:00:00Z", "tenantKeyVersion": 2,
      "cipherkeys": 5, "acceptedFailures": 0, "digest": "00"}'`,
  ],
  ['migration.cutover.before-lock', 'the source as its target version', 'target_version = source_version'],
  [
    'migration.cutover.before-lock',
    'another verification',
    `verification = jsonb_set(verification, '{digest}', '"00"')`,
  ],
  ['migration.cutover.before-lock', 'no verification', 'verification = null'],
]

// The gate tries every twelfth.
test.each(doseOf(changes, 12))('a key job at %s with %s', async (failpoint, _, set) => {
  const scene = await stopAt(failpoint)
  await keepJobs(scene.id)
  await expectNothing(scene, () => query(`update keyhold.key_jobs set ${set} where id = '${scene.jobId}'`))
  await expectEnd(scene, 'done')
})

test('the progress of another key job, which is authentic', async () => {
  const scene = await stopAt('migration.copy.before-chunk')
  const other = await stopAt('migration.cutover.before-lock')
  await keepJobs(other.id)
  await query(`update public.kept set id = '${scene.jobId}'`)
  await expectNothing(scene, () => putBack(progress))
})

const cancelledAt: FailpointName[] = ['migration.prepare.before-kms', 'migration.copy.before-chunk']
test.each(doseOf(cancelledAt, 6))(
  'a migration that was cancelled at %s goes on in no way',
  async (failpoint) => {
    const scene = await stopAt(failpoint)
    await keepJobs(scene.id)
    await cancelMigration(scene.tenant.replica.start, scene.id, scene.jobId, systemActor)
    await query('drop table if exists public.cancelled')
    await query(`create table public.cancelled as select * from keyhold.key_jobs where id = '${scene.jobId}'`)
    for (const columns of [everything, progress, ['cancelled_at', 'mac'], ['cancelled_at']]) {
      await expectNothing(scene, () => putBack(columns), 'a')
      const all = everything.map((each) => `${each} = k.${each}`).join(', ')
      await query(`update keyhold.key_jobs j set ${all} from public.cancelled k where k.id = j.id`)
    }
    await scene.tenant.letJobsRun()
    expect(await stores.store.keyJobs.find(scene.id, scene.jobId)).toMatchObject({ phase: 'aborted' })
  },
)

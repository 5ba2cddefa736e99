// Attacks on what a key job has set aside and on its verification, by somebody who may run any SQL and holds no key: no
// cipherkey stays behind in the name of an admin who never accepted that, nothing is signed that was not found, and nothing is
// shown that Keyhold did not write.
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { scheduleFailureDestruction } from '../../src/destruction/schedule-destruction.ts'
import { createIdentityDigest } from '../../src/keyring/identity-digest.ts'
import type { FailpointName } from '../../src/migration/engine/failpoint.ts'
import { acceptFailures, retryKeyJob } from '../../src/migration/key-job-actions.ts'
import { startMigration } from '../../src/migration/start-migration.ts'
import { systemActor } from '../../src/store/audits.ts'
import type { KeyJobRow } from '../../src/store/key-jobs/key-jobs.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { doseOf, slowTest } from '../../../testkit/src/statistics/dose-of.ts'
import { fingerprintOf, refusalOf, TenantUnderTest } from '../model/tenant-under-test.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())

const query = (statement: string) => stores.query(statement)
const admin = { id: 'ak_admin' }
const innocent = 'ak_innocent'

class Scene {
  readonly tenant: TenantUnderTest
  id = ''

  constructor(tenant: TenantUnderTest) {
    this.tenant = tenant
  }

  get #where() {
    return `key_job_id = '${this.id}'`
  }

  /** Destroys the wraps of cipherkeys, and keeps them beside. */
  async damage(...names: string[]): Promise<void> {
    const of = `tenant_id = '${this.tenant.tenantId}' and key_name in ('${names.join("', '")}')`
    await query('drop table if exists public.whole')
    await query(`create table public.whole as select * from keyhold.cipherkeys where ${of}`)
    await query(`update keyhold.cipherkeys set wrapped = decode(repeat('00', 104), 'hex') where ${of}`)
  }

  async repair(...names: string[]): Promise<void> {
    await query(`update keyhold.cipherkeys c set wrapped = k.wrapped, tenant_key_version = k.tenant_key_version
      from public.whole k where c.data_key_id = k.data_key_id and c.version = k.version
        and k.key_name in ('${names.join("', '")}')`)
  }

  async start(): Promise<void> {
    const { replica, tenantId } = this.tenant
    this.id = (await startMigration(replica.start, tenantId, fingerprintOf('a', tenantId), systemActor)).id
  }

  async run(): Promise<KeyJobRow> {
    this.tenant.step()
    await this.tenant.letJobsRun()
    const [job] = await stores.store.keyJobs.list(this.tenant.tenantId, 1)
    if (job === undefined) throw new Error('there is no key job')
    return job
  }

  async dieAt(name: FailpointName): Promise<void> {
    const died = await this.tenant.killAt({ name, hit: 1 }, () => this.tenant.letJobsRun())
    expect(died).toBe(true)
  }

  failures() {
    return stores.store.keyJobFailures.list(this.tenant.tenantId, this.id, 10)
  }

  async acceptAll(): Promise<void> {
    const failures = await this.failures()
    const { replica, tenantId } = this.tenant
    await acceptFailures(replica.start, tenantId, { keyJobId: this.id, failures }, admin)
  }

  change(set: string, which = 'true') {
    return query(`update keyhold.key_job_failures set ${set} where ${this.#where} and ${which}`)
  }

  delete() {
    return query(`delete from keyhold.key_job_failures where ${this.#where}`)
  }

  async keep(): Promise<void> {
    await query('drop table if exists public.kept')
    await query(`create table public.kept as select * from keyhold.key_job_failures where ${this.#where}`)
  }

  putBack(which = 'true') {
    return query(
      `insert into keyhold.key_job_failures select * from public.kept where ${which} on conflict do nothing`,
    )
  }

  /** An admin has the key job find out anew what does not open, and is asked for each of it. */
  async expectWayOut(): Promise<void> {
    const { replica, tenantId } = this.tenant
    await retryKeyJob(replica.start, tenantId, this.id, admin)
    expect(await this.run()).toMatchObject({
      ...{ lastError: { value: { code: 'ERR_MIGRATION_FAILURES_OPEN' } }, failed: 1 },
    })
    // A second one changes nothing, as nothing is wrong any more.
    await retryKeyJob(replica.start, tenantId, this.id, admin)
    expect(await this.failures()).toMatchObject([{ acceptedBy: undefined, isTampered: false }])
    await this.acceptAll()
    expect((await this.run()).phase).toBe('done')
  }

  /** The key job waits, with everything that it needs, and nothing is signed. */
  async expectRefused(): Promise<void> {
    for (let round = 0; round < 3; round++) await this.run()
    const job = await this.run()
    expect(job).toMatchObject({ lastError: { value: { code: 'ERR_RECORD_NOT_AUTHENTIC' } } })
    expect(['done', 'aborted']).not.toContain(job.phase)
    expect(await query(`select from keyhold.key_job_reports where ${this.#where}`)).toEqual([])
    expect((await this.tenant.store.tenantKeys.list(this.tenant.tenantId))[0]?.state).toBe('decrypt-only')
  }
}

const names = ['one', 'two', 'three', 'four', 'five']

async function createScene(): Promise<Scene> {
  const settings = { ttlMs: 0, backupRetentionDays: 30 }
  const tenant = await new TenantUnderTest(stores.db, stores.store, settings).create()
  for (const name of names) await tenant.encrypt(name, 'secret')
  await tenant.register('a')
  return new Scene(tenant)
}

/** A migration that waits for somebody to accept that these do not open. */
async function waiting(...damaged: string[]): Promise<Scene> {
  const scene = await createScene()
  await scene.damage(...damaged)
  await scene.start()
  expect(await scene.run()).toMatchObject({ lastError: { value: { code: 'ERR_MIGRATION_FAILURES_OPEN' } } })
  expect(await scene.failures()).toHaveLength(damaged.length)
  return scene
}

test('a planted acceptance leaves nothing behind in the name of an innocent', async () => {
  const scene = await waiting('one')
  await scene.change(`accepted_at = now(), accepted_by = '${innocent}'`)
  await scene.expectRefused()
  // As it was: an admin is still asked, and it ends.
  await scene.change('accepted_at = null, accepted_by = null')
  await scene.acceptAll()
  expect((await scene.run()).phase).toBe('done')
})

test('an acceptance of one cipherkey is none of another, nor of the same in another job', async () => {
  const scene = await waiting('one', 'two')
  const [first, second] = await scene.failures()
  if (first === undefined || second === undefined) throw new Error('two failures were expected')
  const { replica, tenantId } = scene.tenant
  await acceptFailures(replica.start, tenantId, { keyJobId: scene.id, failures: [first] }, admin)
  await query(`update keyhold.key_job_failures b set accepted_at = a.accepted_at, accepted_by = a.accepted_by, mac = a.mac
    from keyhold.key_job_failures a where a.key_job_id = '${scene.id}' and b.key_job_id = '${scene.id}'
      and a.data_key_id = '${first.dataKeyId}' and b.data_key_id = '${second.dataKeyId}'`)
  await scene.expectRefused()
})

slowTest('planted failures, accepted, leave no whole cipherkey behind', async () => {
  const scene = await createScene()
  await scene.start()
  await scene.dieAt('migration.copy.before-chunk')
  await query(`insert into keyhold.key_job_failures (key_job_id, data_key_id, version, tenant_key_version, code, accepted_at,
      accepted_by)
    select '${scene.id}', data_key_id, version, tenant_key_version, 'ERR_KEY_INTEGRITY', now(), '${innocent}'
    from keyhold.cipherkeys where tenant_id = '${scene.tenant.tenantId}'`)
  await scene.expectRefused()
  expect(await scene.failures()).toMatchObject(names.map(() => ({ isTampered: true })))
  expect(
    await query(
      `select from keyhold.cipherkeys where tenant_id = '${scene.tenant.tenantId}' and tenant_key_version = 1`,
    ),
  ).toEqual([])
  await scene.delete()
  expect((await scene.run()).phase).toBe('done')
})

slowTest('an acceptance that is deleted before the end is missed', async () => {
  const scene = await waiting('one')
  await scene.acceptAll()
  await scene.dieAt('migration.cutover.before-lock')
  await scene.delete()
  await scene.expectRefused()
  await scene.expectWayOut()
})

slowTest(
  'an acceptance that is deleted before the verification is asked for again, and the first one is missed',
  async () => {
    const scene = await waiting('one')
    await scene.acceptAll()
    await scene.dieAt('migration.verify.before')
    await scene.delete()
    expect(await scene.run()).toMatchObject({ lastError: { value: { code: 'ERR_MIGRATION_FAILURES_OPEN' } } })
    await scene.acceptAll()
    await scene.expectRefused()
    await scene.expectWayOut()
  },
)

const forgottenAt: FailpointName[] = ['migration.verify.before-kms', 'migration.cutover.before-lock']
test.each(doseOf(forgottenAt, 6))(
  'an acceptance that was forgotten, as its cipherkey opens again, is not put back at %s',
  async (failpoint) => {
    const scene = await waiting('one')
    await scene.acceptAll()
    await scene.keep()
    await scene.repair('one')
    await scene.dieAt(failpoint)
    expect(await scene.failures()).toEqual([])
    await scene.putBack()
    await scene.expectRefused()
  },
)

slowTest('an acceptance that was forgotten does not take the place of another', async () => {
  const scene = await waiting('one', 'two')
  await scene.acceptAll()
  await scene.keep()
  await scene.repair('two')
  await scene.dieAt('migration.cutover.before-lock')
  expect(await scene.failures()).toHaveLength(1)
  await scene.delete()
  await scene.putBack(`data_key_id in (select data_key_id from public.whole where key_name = 'two')`)
  await scene.expectRefused()
})

const changesOfAcceptance = [
  `accepted_by = '${innocent}'`,
  "accepted_at = accepted_at - interval '1 day'",
  "code = 'ERR_KMS_DENIED'",
  'tenant_key_version = 2',
  'mac = null',
]
test.each(doseOf(changesOfAcceptance, 9))('an acceptance with %s is signed by nobody', async (set) => {
  const scene = await waiting('one')
  await scene.acceptAll()
  await scene.dieAt('migration.cutover.before-lock')
  await scene.change(set)
  await scene.expectRefused()
  await scene.expectWayOut()
})

slowTest('a planted acceptance is none for the next key job, and destroys nothing', async () => {
  const scene = await createScene()
  await scene.start()
  expect((await scene.run()).phase).toBe('done')
  const { tenantId, replica } = scene.tenant
  await scene.damage('one')
  await query(`insert into keyhold.key_job_failures (key_job_id, data_key_id, version, tenant_key_version, code, accepted_at,
      accepted_by)
    select '${scene.id}', data_key_id, version, tenant_key_version, 'ERR_KEY_INTEGRITY', now(), '${innocent}'
    from keyhold.cipherkeys where tenant_id = '${tenantId}' and key_name = 'one'`)
  await query(
    `update keyhold.cipherkeys set state = 'decrypt-only' where tenant_id = '${tenantId}' and key_name = 'one'`,
  )
  const failures = await scene.failures()
  const scheduling = scheduleFailureDestruction(
    stores.store,
    tenantId,
    { keyJobId: scene.id, failures, inDays: 7 },
    admin,
  )
  expect(await refusalOf(scheduling)).toBe('ERR_MIGRATION_FAILURE_NOT_FOUND')

  await startMigration(replica.start, tenantId, tenantId, systemActor)
  const job = await scene.run()
  expect(job).toMatchObject({ lastError: { value: { code: 'ERR_MIGRATION_FAILURES_OPEN' } } })
  expect(await stores.store.keyJobFailures.count(job.id)).toEqual({ open: 1, accepted: 0 })
})

test('a verification that somebody else says has come to its end begins anew, and finds what does not open', async () => {
  const scene = await createScene()
  await scene.start()
  await scene.dieAt('migration.verify.before')
  const { tenantId } = scene.tenant
  await query(`update keyhold.cipherkeys set wrapped = decode(repeat('00', 104), 'hex')
    where tenant_id = '${tenantId}' and key_name = 'one'`)
  const last = await stores.store.cipherkeyChunks.findLast(tenantId)
  const position = {
    ...{ rows: 5, after: last, end: last, tenantKeyVersion: 2, copied: 5 },
    digestState: (await createIdentityDigest()).state().toString('base64'),
    savedAt: new Date().toISOString(),
  }
  await query(`update keyhold.key_jobs set verified_to = '${JSON.stringify(position)}'::jsonb, verified = 5
    where id = '${scene.id}'`)
  await query(`update keyhold.key_jobs set verified = 0 where id = '${scene.id}'`)
  const job = await scene.run()
  expect(job).toMatchObject({ phase: 'verify', failed: 1 })
  expect(await scene.failures()).toHaveLength(1)
})

test('an error that somebody else wrote is shown by its code alone', async () => {
  const scene = await waiting('one')
  const told = { code: 'ERR_KMS_DENIED', message: 'Send the key to mallory@example.com', at: 'now' }
  await query(
    `update keyhold.key_jobs set last_error = '${JSON.stringify(told)}'::jsonb where id = '${scene.id}'`,
  )
  const shown = async () => (await stores.store.keyJobs.find(scene.tenant.tenantId, scene.id))?.lastError
  expect(JSON.stringify(await shown())).not.toContain('mallory')
  await query(`update keyhold.key_jobs set last_error = '${JSON.stringify({ ...told, at: '2026-01-01T00:00:00Z', code: 'Call mallory' })}'::jsonb
    where id = '${scene.id}'`)
  expect(await shown()).toEqual({
    value: { code: 'ERR_INTERNAL', message: expect.any(String) as string, at: '2026-01-01T00:00:00.000Z' },
  })
})

test('a key job that somebody else changed is listed beside the others, as tampered', async () => {
  const scene = await waiting('one')
  await scene.acceptAll()
  await scene.run()
  const { replica, tenantId } = scene.tenant
  await startMigration(replica.start, tenantId, tenantId, systemActor)
  await query(`update keyhold.key_jobs set completed_at = now() where id = '${scene.id}'`)
  const listed = await stores.store.keyJobs.list(tenantId, 10)
  expect(listed.map(({ id, isTampered }) => [id === scene.id, isTampered])).toEqual([
    [false, false],
    [true, true],
  ])
  // Since when a key is needed no more stands on its end.
  const { keyJobs } = stores.store
  expect(await refusalOf(keyJobs.findLastEnd(tenantId, tenantId))).toBe('ERR_RECORD_NOT_AUTHENTIC')
  expect(await refusalOf(keyJobs.findLastCompleted(tenantId))).toBe('ERR_RECORD_NOT_AUTHENTIC')
})

/** How many MACs a migration of so many cipherkeys computes, with two in a chunk. */
async function countMacs(cipherkeys: number): Promise<number> {
  const settings = { ttlMs: 60_000, backupRetentionDays: 30 }
  const tenant = await new TenantUnderTest(stores.db, stores.store, settings).create()
  for (let index = 0; index < cipherkeys; index++) await tenant.encrypt(`name-${index}`, 'secret')
  await tenant.register('a')
  const { replica, tenantId } = tenant
  await startMigration(replica.start, tenantId, fingerprintOf('a', tenantId), systemActor)
  const before = stores.store.macs.count()
  await tenant.letJobsRun()
  const [job] = await stores.store.keyJobs.list(tenantId, 1)
  expect(job).toMatchObject({ phase: 'done', copied: cipherkeys })
  return stores.store.macs.count() - before
}

test('a chunk costs the MAC of its progress, and that of the fence where it has changed', async () => {
  const [few, many] = [await countMacs(4), await countMacs(24)]
  const each = (many - few) / 10
  expect(each).toBeGreaterThanOrEqual(1)
  expect(each).toBeLessThanOrEqual(2)
})

test('the digest of failures is over what decides, in an order of its own', async () => {
  const scene = await waiting('one', 'two')
  const first = await stores.store.keyJobFailures.readSet(scene.id)
  expect(first).toMatchObject({ open: 2, accepted: 0 })
  await scene.acceptAll()
  const second = await stores.store.keyJobFailures.readSet(scene.id)
  expect(second).toMatchObject({ open: 0, accepted: 2 })
  expect(second.digest).not.toEqual(first.digest)
  await scene.change("code = 'ERR_KMS_DENIED'")
  expect(await refusalOf(stores.store.keyJobFailures.readSet(scene.id))).toBe('ERR_RECORD_NOT_AUTHENTIC')
  expect(await stores.store.keyJobFailures.readSet('00000000-0000-4000-8000-000000000000')).toEqual({
    ...{ open: 0, accepted: 0 },
    digest: createHash('sha256').digest(),
  })
})

// KEKs that die in the middle of a key job: what hangs on them is set aside with the KMS's own code, can be accepted without
// them, and opens again when they come back. A KEK that is merely away is waited for.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { cancelMigration } from '../../src/migration/cancel-migration.ts'
import { acceptFailures } from '../../src/migration/key-job-actions.ts'
import { startMigration } from '../../src/migration/start-migration.ts'
import { startRotation } from '../../src/migration/start-rotation.ts'
import { deleteKeyProvider } from '../../src/providers/delete-key-provider.ts'
import { systemActor } from '../../src/store/audits.ts'
import type { KeyJobRow } from '../../src/store/key-jobs/key-jobs.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { findAuditFaults } from '../audit/find-audit-faults.ts'
import type { Kek } from '../model/model.ts'
import { fingerprintOf, refusalOf, TenantUnderTest } from '../model/tenant-under-test.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(async () => {
  expect(await findAuditFaults((statement) => stores.query(statement))).toEqual([])
  await postgres.stop()
})

const names = ['one', 'two', 'three', 'four', 'five']
const dead = 'ERR_KMS_KEY_PENDING_DELETION'

/** The acts of a test on its tenant. */
class Scene {
  readonly tenant: TenantUnderTest
  tokens: string[] = []

  constructor(tenant: TenantUnderTest) {
    this.tenant = tenant
  }

  async start(target: Kek): Promise<void> {
    const { replica, tenantId } = this.tenant
    await startMigration(replica.start, tenantId, fingerprintOf(target, tenantId), systemActor)
  }

  async migrate(target: Kek): Promise<KeyJobRow> {
    await this.start(target)
    return this.run()
  }

  async rotate(): Promise<KeyJobRow> {
    await startRotation(this.tenant.replica.start, this.tenant.tenantId, systemActor)
    return this.run()
  }

  /** Runs the live key job as far as it goes. */
  async run(): Promise<KeyJobRow> {
    this.tenant.step()
    await this.tenant.letJobsRun()
    return this.job()
  }

  async job(): Promise<KeyJobRow> {
    const [last] = await this.tenant.store.keyJobs.list(this.tenant.tenantId, 1)
    if (last === undefined) throw new Error('there is no key job')
    return last
  }

  async failures() {
    return this.tenant.store.keyJobFailures.list(this.tenant.tenantId, (await this.job()).id, 100)
  }

  async codes(): Promise<string[]> {
    return (await this.failures()).map(({ code }) => code)
  }

  /** Accepts all that is open, and runs the key job on. */
  async acceptAll(): Promise<KeyJobRow> {
    const { replica, tenantId } = this.tenant
    const asked = { keyJobId: (await this.job()).id, failures: await this.failures() }
    await acceptFailures(replica.start, tenantId, asked, systemActor)
    return this.run()
  }

  async cancel(): Promise<KeyJobRow> {
    await cancelMigration(this.tenant.replica.start, this.tenant.tenantId, (await this.job()).id, systemActor)
    return this.run()
  }

  /** The plaintext of each token, or the code of the refusal. */
  async read(): Promise<string[]> {
    this.tenant.step()
    const outcomes = this.tokens.map(async (token) => {
      const answer = this.tenant.decrypt(token)
      return (await refusalOf(answer)) ?? (await answer)
    })
    return Promise.all(outcomes)
  }

  async states(): Promise<string[]> {
    return (await this.tenant.store.tenantKeys.list(this.tenant.tenantId)).map(({ state }) => state)
  }
}

/** Five data keys under KEK `a`. */
async function openScene(): Promise<Scene> {
  const tenant = new TenantUnderTest(stores.db, stores.store, { ttlMs: 0, backupRetentionDays: 0 })
  await tenant.create()
  const scene = new Scene(tenant)
  for (const kek of ['a', 'b'] as const) await tenant.register(kek)
  scene.tokens = await Promise.all(names.map((name) => tenant.encrypt(name, name)))
  expect(await scene.migrate('a')).toMatchObject({ phase: 'done', copied: 5 })
  return scene
}

/** On the way from `a` to `b`, when two of five are copied. */
async function openHalfway(): Promise<Scene> {
  const scene = await openScene()
  await scene.start('b')
  await scene.tenant.killAt({ name: 'migration.copy.after-commit', hit: 1 }, () => scene.tenant.letJobsRun())
  expect(await scene.job()).toMatchObject({ phase: 'copy', total: 5, copied: 2 })
  return scene
}

const times = (count: number, code: string) => Array.from({ length: count }, () => code)

/** So many values are refused with a code; all others are as they were. */
async function expectRefused(scene: Scene, count: number, code: string): Promise<void> {
  const read = await scene.read()
  expect(read.filter((text, index) => text !== names[index])).toEqual(times(count, code))
}

test('the source dies for good: its rows are set aside with its code, and accepted without it, once', async () => {
  const scene = await openHalfway()
  const { kms, store, tenantId } = scene.tenant
  kms.close('a', dead)
  const waiting = await scene.run()
  expect(waiting).toMatchObject({ phase: 'verify', copied: 2, failed: 3 })
  expect(waiting.lastError).toMatchObject({
    value: {
      code: 'ERR_MIGRATION_FAILURES_OPEN',
      message: expect.stringContaining(`3 under tenant key version 2: ${dead}`) as string,
    },
  })
  expect(await scene.codes()).toEqual(times(3, dead))
  await expectRefused(scene, 3, dead)

  const done = await scene.acceptAll()
  expect(done).toMatchObject({ phase: 'done', total: 5, copied: 2, failed: 3 })
  expect(done.verification).toMatchObject({ value: { cipherkeys: 2, acceptedFailures: 3 } })
  expect(await scene.states()).toEqual(['destroyed', 'decrypt-only', 'active'])

  // Nobody is asked again for what was accepted, and the acceptance of then stands in the list of now.
  const accepted = (await scene.failures()).map(({ acceptedAt, acceptedBy }) => ({ acceptedAt, acceptedBy }))
  for (const again of [() => scene.rotate(), () => scene.migrate('root')]) {
    expect(await again()).toMatchObject({ phase: 'done', total: 5, copied: 2, failed: 3 })
    expect(await scene.failures()).toMatchObject(accepted)
  }
  expect(await scene.states()).toEqual(['destroyed', 'decrypt-only', 'destroyed', 'destroyed', 'active'])
  await expectRefused(scene, 3, dead)
  const removal = deleteKeyProvider(store, tenantId, fingerprintOf('a', tenantId), systemActor)
  expect(await refusalOf(removal)).toBe('ERR_KEY_PROVIDER_IN_USE')

  // The key comes back after all: its rows open, and the next key job brings them along.
  kms.close('a', undefined)
  expect(await scene.read()).toEqual(names)
  expect(await scene.migrate('b')).toMatchObject({ phase: 'done', copied: 5, failed: 0 })
  expect((await scene.states()).filter((state) => state !== 'destroyed')).toEqual(['active'])
  expect(await scene.read()).toEqual(names)
})

slowTest('a dead source that comes back before anybody accepts loses nothing', async () => {
  const scene = await openHalfway()
  scene.tenant.kms.close('a', dead)
  expect(await scene.run()).toMatchObject({ phase: 'verify', failed: 3 })
  scene.tenant.kms.close('a', 'ERR_KMS_DENIED')
  expect(await scene.run()).toMatchObject({ phase: 'verify', failed: 3 })
  expect(await scene.codes(), 'the latest reason').toEqual(times(3, 'ERR_KMS_DENIED'))
  // An outage is no reason: it says nothing about the key.
  scene.tenant.kms.close('a', 'ERR_KMS_UNREACHABLE')
  expect(await scene.run()).toMatchObject({ lastError: { value: { code: 'ERR_KMS_UNREACHABLE' } } })
  expect(await scene.codes()).toEqual(times(3, 'ERR_KMS_DENIED'))
  scene.tenant.kms.close('a', undefined)
  expect(await scene.run()).toMatchObject({ phase: 'done', total: 5, copied: 5, failed: 0 })
  expect(await scene.read()).toEqual(names)
  expect(await scene.states()).toEqual(['destroyed', 'destroyed', 'active'])
})

slowTest('a source that is merely away is waited for, and nothing is set aside', async () => {
  const scene = await openHalfway()
  scene.tenant.kms.close('a', 'ERR_KMS_UNREACHABLE')
  expect(await scene.run()).toMatchObject({
    ...{ phase: 'copy', copied: 2, failed: 0 },
    lastError: { value: { code: 'ERR_KMS_UNREACHABLE' } },
  })
  scene.tenant.kms.close('a', undefined)
  expect(await scene.run()).toMatchObject({ phase: 'done', copied: 5, failed: 0 })
})

slowTest(
  'a tenant key whose stored wrap is damaged is set aside like one whose KEK is dead, and retried',
  async () => {
    const scene = await openHalfway()
    const damage = async () => {
      await stores.query(
        `update keyhold.tenant_keys set wrapped = set_byte(wrapped, 60, get_byte(wrapped, 60) # 1)
       where tenant_id = $1 and version = 2`,
        [scene.tenant.tenantId],
      )
      await resign(stores.db)
    }
    await damage()
    expect(await scene.run()).toMatchObject({ phase: 'verify', failed: 3 })
    expect(await scene.codes()).toEqual(times(3, 'ERR_KMS_INVALID_CIPHERTEXT'))
    await damage()
    expect(await scene.run()).toMatchObject({ phase: 'done', copied: 5, failed: 0 })
  },
)

slowTest(
  'rows of a version that opens are repaired though another version of the same chunk is dead',
  async () => {
    const scene = await openHalfway()
    const { kms, tenantId } = scene.tenant
    const damage = () =>
      stores.query(
        `update keyhold.cipherkeys set wrapped = set_byte(wrapped, 60, get_byte(wrapped, 60) # 1)
       where tenant_id = $1 and tenant_key_version = 3`,
        [tenantId],
      )
    await damage()
    kms.close('a', dead)
    // Cipherkeys under the target are found when everything else is copied or accepted.
    expect(await scene.run()).toMatchObject({ phase: 'verify', failed: 3 })
    expect(await scene.acceptAll()).toMatchObject({ phase: 'verify', failed: 5 })
    expect((await scene.codes()).sort()).toEqual([...times(2, 'ERR_KEY_INTEGRITY'), ...times(3, dead)])
    await damage()
    expect(await scene.run()).toMatchObject({ phase: 'done', failed: 3 })
    await expectRefused(scene, 3, dead)
  },
)

test('the target dies before anything came under it: cancelling needs nothing of it', async () => {
  const scene = await openScene()
  await scene.start('b')
  const { tenant } = scene
  await tenant.killAt({ name: 'migration.dual.after-commit', hit: 1 }, () => tenant.letJobsRun())
  tenant.kms.close('b', dead)
  expect(await scene.run()).toMatchObject({ phase: 'copy', lastError: { value: { code: dead } } })
  expect(await scene.cancel()).toMatchObject({ phase: 'aborted', failed: 0 })
  expect(await scene.read()).toEqual(names)
  expect(await scene.states()).toEqual(['destroyed', 'active', 'destroyed'])
  const { store, tenantId } = tenant
  await deleteKeyProvider(store, tenantId, fingerprintOf('b', tenantId), systemActor)
})

slowTest('before the active version has changed, cancelling needs neither end', async () => {
  const scene = await openScene()
  await scene.start('b')
  for (const kek of ['a', 'b'] as const) scene.tenant.kms.close(kek, dead)
  expect(await scene.run()).toMatchObject({ phase: 'prepare', lastError: { value: { code: dead } } })
  expect(await scene.cancel()).toMatchObject({ phase: 'aborted', copied: 0, failed: 0 })
  scene.tenant.kms.close('a', undefined)
  expect(await scene.read()).toEqual(names)
})

slowTest('nor where cipherkeys were left behind before, whose KEK is dead as well', async () => {
  const scene = await openHalfway()
  const { kms } = scene.tenant
  kms.close('a', dead)
  await scene.run()
  expect(await scene.acceptAll()).toMatchObject({ phase: 'done', failed: 3 })
  await scene.start('root')
  kms.close('b', dead)
  kms.close('root', dead)
  expect(await scene.run()).toMatchObject({ phase: 'prepare', lastError: { value: { code: dead } } })
  expect(await scene.cancel()).toMatchObject({ phase: 'aborted', copied: 0 })
  for (const kek of ['a', 'b', 'root'] as const) kms.close(kek, undefined)
  expect(await scene.read()).toEqual(names)
  expect(await scene.migrate('root')).toMatchObject({ phase: 'done', copied: 5, failed: 0 })
})

test('the target dies with rows under it: cancelled, they are set aside, and open again if it comes back', async () => {
  const scene = await openHalfway()
  const { tenant } = scene
  const made = await tenant.encrypt('during', 'made')
  tenant.kms.close('b', dead)
  expect(await scene.cancel()).toMatchObject({
    ...{ phase: 'aborting', copied: 0, failed: 3 },
    lastError: { value: { code: 'ERR_MIGRATION_FAILURES_OPEN' } },
  })
  expect(await scene.codes()).toEqual(times(3, dead))
  await expectRefused(scene, 2, dead)
  expect(await refusalOf(tenant.decrypt(made))).toBe(dead)
  // New data keys come under the source at once.
  await tenant.encrypt('afterwards', 'text')

  tenant.kms.close('b', undefined)
  expect(await scene.run()).toMatchObject({ phase: 'aborted', copied: 3, failed: 0 })
  expect(await scene.read()).toEqual(names)
  tenant.step()
  expect(await tenant.decrypt(made)).toBe('made')
  expect(await scene.states()).toEqual(['destroyed', 'active', 'destroyed'])
})

slowTest(
  'or they are accepted without it: the cancellation ends, and their version is kept for them',
  async () => {
    const scene = await openHalfway()
    const { kms, store, tenantId } = scene.tenant
    kms.close('b', dead)
    expect(await scene.cancel()).toMatchObject({ phase: 'aborting', failed: 2 })
    expect(await scene.acceptAll()).toMatchObject({ phase: 'aborted', failed: 2 })
    expect(await scene.states()).toEqual(['destroyed', 'active', 'decrypt-only'])
    await expectRefused(scene, 2, dead)
    const removal = deleteKeyProvider(store, tenantId, fingerprintOf('b', tenantId), systemActor)
    expect(await refusalOf(removal)).toBe('ERR_KEY_PROVIDER_IN_USE')

    expect(await scene.migrate('root')).toMatchObject({ phase: 'done', total: 5, copied: 3, failed: 2 })
    kms.close('b', undefined)
    expect(await scene.read()).toEqual(names)
    expect(await scene.rotate()).toMatchObject({ phase: 'done', copied: 5, failed: 0 })
  },
)

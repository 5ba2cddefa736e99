// Key jobs between versions of both formats, and over cipherkeys whose names somebody has changed.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { resign } from '../../../testkit/src/database/resign.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../testkit/src/database/test-database.ts'
import { cancelMigration } from '../../src/migration/cancel-migration.ts'
import { startMigration } from '../../src/migration/start-migration.ts'
import { startRotation } from '../../src/migration/start-rotation.ts'
import { systemActor } from '../../src/store/audits.ts'
import { fingerprintOf, TenantUnderTest } from '../model/tenant-under-test.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const names = ['a', 'b', 'c', 'd', 'e']

let postgres: TestPostgres
let stores: TestStores
let tenant: TenantUnderTest
let tokens: string[]
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())
beforeEach(async () => {
  tenant = await new TenantUnderTest(stores.db, stores.store, { ttlMs: 0, backupRetentionDays: 30 }).create()
})

async function encryptAll(): Promise<void> {
  tokens = []
  for (const name of names) tokens.push(await tenant.encrypt(name, `of ${name}`))
}

async function beOfFormatOne(): Promise<void> {
  await stores.query('update keyhold.tenant_keys set format = null where tenant_id = $1', [tenant.tenantId])
  await resign(stores.db)
}

async function migrate(): Promise<void> {
  await tenant.register('a')
  const target = fingerprintOf('a', tenant.tenantId)
  await startMigration(tenant.replica.start, tenant.tenantId, target, systemActor)
}

async function formats(): Promise<string[]> {
  const versions = await stores.store.tenantKeys.list(tenant.tenantId)
  return versions.map(({ version, state, format }) => `${version} ${state} of format ${format}`)
}

/** All open, by id and by name, and each under its own key. */
async function expectAllOpen(): Promise<void> {
  for (const [index, name] of names.entries()) {
    expect(await tenant.decrypt(tokens[index] ?? '')).toBe(`of ${name}`)
    const again = await tenant.encrypt(name, 'again')
    expect(again.slice(0, 30)).toBe(tokens[index]?.slice(0, 30))
  }
}

const wraps = async () =>
  await stores.query(
    `select data_key_id, wrapped, tenant_key_version from keyhold.cipherkeys
     where tenant_id = $1 and key_name in ('a', 'b') order by key_name`,
    [tenant.tenantId],
  )

test.each(['a migration', 'a rotation'])(
  '%s brings everything from format 1 to format 2, and on to the next version',
  async (kind) => {
    await beOfFormatOne()
    await encryptAll()
    if (kind === 'a migration') await migrate()
    else await startRotation(tenant.replica.start, tenant.tenantId, systemActor)
    await tenant.letJobsRun()
    expect(await formats()).toEqual(['1 decrypt-only of format 1', '2 active of format 2'])
    await expectAllOpen()
    await startRotation(tenant.replica.start, tenant.tenantId, systemActor)
    await tenant.letJobsRun()
    expect((await formats()).at(-1)).toBe('3 active of format 2')
    await expectAllOpen()
  },
)

slowTest('a cancelled one brings everything back to format 1, which cannot be helped', async () => {
  await beOfFormatOne()
  await encryptAll()
  await migrate()
  await tenant.killAt({ name: 'migration.copy.after-commit', hit: 2 }, () => tenant.letJobsRun())
  tokens.push(await tenant.encrypt('made meanwhile', 'of it'))
  const job = await tenant.findLiveJob()
  await cancelMigration(tenant.replica.start, tenant.tenantId, job?.id ?? '', systemActor)
  await tenant.letJobsRun()
  expect(await tenant.findLiveJob()).toBeUndefined()
  expect((await formats())[0]).toBe('1 active of format 1')
  await expectAllOpen()
  expect(await tenant.decrypt(tokens.at(-1) ?? '')).toBe('of it')
})

test('names that were exchanged are failures, and are not rewrapped with the lie', async () => {
  const exchange = () =>
    stores.query(
      `begin; set local session_replication_role = replica;
       update keyhold.cipherkeys set state = 'decrypt-only', key_name = case key_name when 'a' then 'b' else 'a' end
         where tenant_id = '${tenant.tenantId}' and key_name in ('a', 'b');
       update keyhold.cipherkeys set state = 'active' where tenant_id = '${tenant.tenantId}'; commit`,
    )
  await encryptAll()
  await exchange()
  const before = await wraps()
  await migrate()
  await tenant.letJobsRun()
  expect(await tenant.findLiveJob()).toMatchObject({ phase: 'verify' })
  const failures = await stores.query(
    `select f.code, f.tenant_key_version, f.data_key_id from keyhold.key_job_failures f
     join keyhold.key_jobs j on j.id = f.key_job_id where j.tenant_id = $1`,
    [tenant.tenantId],
  )
  expect(failures.map(({ code, tenant_key_version: under }) => [code, under])).toEqual([
    ['ERR_KEY_INTEGRITY', 1],
    ['ERR_KEY_INTEGRITY', 1],
  ])
  expect(new Set(failures.map((row) => row.data_key_id))).toEqual(
    new Set(before.map((row) => row.data_key_id)),
  )
  expect(await wraps()).toEqual(before)
  // Put right, they are brought over by the next try.
  await exchange()
  await tenant.letJobsRun()
  expect(await tenant.findLiveJob()).toBeUndefined()
  await expectAllOpen()
})

slowTest('a name that is exchanged after the copying is found by the verification', async () => {
  await encryptAll()
  await migrate()
  await tenant.killAt({ name: 'migration.verify.before', hit: 1 }, () => tenant.letJobsRun())
  await stores.query(
    `update keyhold.cipherkeys set key_name = 'z' where tenant_id = '${tenant.tenantId}' and key_name = 'a'`,
  )
  await tenant.letJobsRun()
  expect(await tenant.findLiveJob()).toMatchObject({ phase: 'verify' })
})

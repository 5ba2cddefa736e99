// Every statement about cipherkeys names the tenant by its value, wherever it reads them: then it is planned for one of the
// 64 partitions. Planning for all of them takes longer than most statements.
import { randomUUID } from 'node:crypto'
import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { endCipherkeys } from '../../../src/destruction/end-cipherkeys.ts'
import { getKeyProviderUsage } from '../../../src/providers/key-provider-usage.ts'
import { startMigration } from '../../../src/migration/start-migration.ts'
import { systemActor } from '../../../src/store/audits.ts'
import { fingerprintOf, TenantUnderTest } from '../../model/tenant-under-test.ts'
import {
  openTestPostgres,
  type TestPostgres,
  type TestStores,
} from '../../../../testkit/src/database/test-database.ts'
import { alone } from '../../../../testkit/src/database/alone.ts'
import { statementOf } from '../../../../testkit/src/database/statement-of.ts'

let postgres: TestPostgres
let stores: TestStores
beforeAll(async () => {
  postgres = await openTestPostgres()
  stores = await postgres.createStores()
})
afterAll(() => postgres.stop())
afterEach(() => vi.restoreAllMocks())

type Query = (this: pg.Client, ...values: unknown[]) => Promise<unknown>

/** The statements about cipherkeys that `work` sends, each once, with its values. */
async function statementsOf(work: () => Promise<void>): Promise<Map<string, unknown[]>> {
  const statements = new Map<string, unknown[]>()
  const clients = pg.Client.prototype as unknown as { query: Query }
  const { query } = clients
  vi.spyOn(clients, 'query').mockImplementation(function (this: pg.Client, ...values) {
    const sent = statementOf(values)
    if (sent !== undefined && /\bcipherkeys\b/.test(sent.text)) statements.set(sent.text, sent.values ?? [])
    return query.apply(this, values)
  })
  await work()
  vi.restoreAllMocks()
  return statements
}

test('every statement about cipherkeys is planned for one partition', async () => {
  const { db, store } = stores
  const tenant = await new TenantUnderTest(db, store, { ttlMs: 0, backupRetentionDays: 30 }).create()
  const { tenantId } = tenant
  const statements = await statementsOf(async () => {
    await tenant.register('a')
    const token = await tenant.encrypt('default', 'value')
    await tenant.decrypt(token)
    await tenant.replica.dataKeys.rotate(tenantId, 'default', systemActor)
    const [dataKey] = await store.dataKeys.list(tenantId, { after: '', limit: 10 })
    const { dataKeyId = '' } = dataKey ?? {}
    await alone(store, tenantId).minimumVersions.set(tenantId, dataKeyId, 2)
    await store.cipherkeys.listVersions(tenantId, dataKeyId)
    const row = await store.cipherkeys.findActive(tenantId, 'default')
    if (row === undefined) throw new Error('there is no data key')
    await store.cipherkeys.insertManyActive([{ ...row, dataKeyId: randomUUID(), keyName: 'other' }])
    await store.cipherkeys.exists(tenantId)
    const job = await startMigration(
      tenant.replica.start,
      tenantId,
      fingerprintOf('a', tenantId),
      systemActor,
    )
    await store.keyJobFailures.insert(job, [{ ...row, code: 'ERR_KEY_INTEGRITY' }])
    await store.keyJobFailures.list(tenantId, job.id, 10)
    await store.cipherkeyChunks.nextFailed(tenantId, job.id, undefined, { limit: 10, under: 1 })
    await tenant.letJobsRun()
    await getKeyProviderUsage({ store, countMs: 60_000 }, tenantId, fingerprintOf('a', tenantId))
    await store.surveys.findNeeded(tenantId, [1])
    await store.transaction((transaction) =>
      endCipherkeys(transaction, tenantId, { keyName: 'default', dataKeyId }),
    )
  })
  expect(statements.size).toBeGreaterThan(20)
  for (const [text, values] of statements) {
    const plan = await stores.query(`explain ${text}`, values)
    const partitions = new Set(JSON.stringify(plan).match(/\bcipherkeys_p\d\d\b/g))
    expect(partitions.size, text).toBeLessThanOrEqual(1)
  }
})

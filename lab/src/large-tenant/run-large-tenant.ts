// The migration of one very large tenant while many of its callers make new data keys: how long it holds the tenant's
// fence, and how long the callers wait.
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { readRootKeyFile } from '../../../server/src/kms/root-key-file.ts'
import { createCustomerKey } from '../../../testkit/src/customer/create-customer-key.ts'
import { embeddedConnection } from '../../../testkit/src/process/embedded-connection.ts'
import { startKeyholdProcess, type KeyholdProcess } from '../../../testkit/src/process/keyhold-process.ts'
import { makeDue } from '../../../testkit/src/server/make-due.ts'
import { createTenant, type Tenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { registerKey } from '../../../testkit/src/tenants/register-key.ts'
import { startMigration } from '../../../testkit/src/tenants/start-migration.ts'
import { waitForMigration } from '../../../testkit/src/tenants/wait-for-migration.ts'
import { loadAverage } from '../load-average.ts'
import { openTenantKey } from '../rows/open-tenant-key.ts'
import { seedInThread } from '../rows/seed-in-thread.ts'
import { sqlOf, type Sql } from '../rows/sql.ts'
import { rounded, startKeyMakers, type WriterFigures } from './key-makers.ts'
import type { FenceReport } from './report-fences.ts'

export interface LargeTenantOptions {
  cipherkeys: number
  writers: number
  pauseMs: number
  isDeleted: boolean
  say: (line: string) => void
}

export interface LargeTenantResult {
  cipherkeys: number
  /** In their order. */
  fences: (FenceReport & { step: string })[]
  writers: WriterFigures[]
  seconds: { migration: number; copy: number; deletion?: number }
  problems: string[]
  loadAverage: number
}

const beforeMs = 10_000
const steps = ['start', 'prepare', 'dual', 'cutover']
// As many as there are cores is enough, and a tenant must not be seeded in order.
const seeders = 2

export async function runLargeTenant(options: LargeTenantOptions): Promise<LargeTenantResult> {
  const { cipherkeys, writers, pauseMs, isDeleted, say } = options
  let reports: FenceReport[] = []
  const keyhold = await startKeyholdProcess({
    nodeArguments: ['--import', path.join(import.meta.dirname, 'report-fences.ts')],
    // Writers are busy all the time: a migration that gives way to them would not end in an hour.
    settings: { KEYHOLD_MIGRATION_YIELDS: 'false', KEYHOLD_MAX_KEY_NAMES: '1000000' },
    onMessage: (message) => reports.push(message as FenceReport),
  })
  const connection = embeddedConnection(keyhold.dataDir)
  const client = new pg.Client(connection)
  await client.connect()
  const sql = sqlOf(client)
  try {
    const tenant = await createTenant(keyhold.url, keyhold.operatorToken)
    const rootKey = await readRootKeyFile(path.join(keyhold.dataDir, 'root-key'))
    const tenantKey = await openTenantKey({ sql, rootKey }, tenant.tenantId, 1)
    say(`seeding ${cipherkeys.toLocaleString('en')} cipherkeys`)
    await Promise.all(
      Array.from({ length: seeders }, (_, seeder) =>
        seedInThread({
          ...{ connection, tenantKey },
          cipherkeys: Math.floor((cipherkeys + seeder) / seeders),
        }),
      ),
    )
    await sql('analyze keyhold.cipherkeys')
    const fingerprint = await registerKey(keyhold.url, tenant, await createCustomerKey(keyhold.kms.url))
    const makers = startKeyMakers({ url: keyhold.url, tenant, writers, pauseMs })
    await sleep(beforeMs)
    const before = makers.take('before the migration')

    say('migrating')
    reports = []
    await startMigration(keyhold.url, tenant, fingerprint)
    await waitForMigration(keyhold.url, tenant)
    const during = makers.take('during the migration')
    const fences = reports.map(({ waitedMs, heldMs }, at) => ({
      ...{ step: steps[at] ?? 'more', waitedMs: rounded(waitedMs), heldMs: rounded(heldMs) },
    }))
    await makers.stop()
    const seconds = await durationOf(sql, tenant)
    const problems = [
      ...[...makers.failures].map(([answer, count]) => `${count} requests were answered with ${answer}`),
      ...(await findMissing(sql, tenant, cipherkeys + makers.made)),
    ]
    const deletion = isDeleted ? await deleteTenant(keyhold, tenant, say) : undefined
    return {
      ...{ cipherkeys, fences, writers: [before, during], problems, loadAverage: loadAverage() },
      seconds: { ...seconds, ...(deletion !== undefined && { deletion }) },
    }
  } finally {
    await client.end()
    await keyhold.stop()
  }
}

async function durationOf(sql: Sql, { tenantId }: Tenant): Promise<{ migration: number; copy: number }> {
  const [row] = await sql(
    `select extract(epoch from completed_at - created_at)::float8 as migration,
       extract(epoch from copy_ended_at - copy_started_at)::float8 as copy
     from keyhold.key_jobs where tenant_id = $1`,
    [tenantId],
  )
  return { migration: rounded(Number(row?.migration)), copy: rounded(Number(row?.copy)) }
}

async function findMissing(sql: Sql, { tenantId }: Tenant, expected: number): Promise<string[]> {
  const rows = await sql(
    'select tenant_key_version as version, count(*)::integer as count from keyhold.cipherkeys where tenant_id = $1 group by 1',
    [tenantId],
  )
  const [row] = rows
  const isRight = rows.length === 1 && row?.version === 2 && row.count === expected
  return isRight ? [] : [`expected ${expected} cipherkeys under version 2, found ${JSON.stringify(rows)}`]
}

/** Answers how many seconds it took. */
async function deleteTenant(
  { url, operatorToken, dataDir }: KeyholdProcess,
  { tenantId }: Tenant,
  say: LargeTenantOptions['say'],
): Promise<number> {
  say('deleting')
  const operator = openClient(url, operatorToken)
  const { body } = await operator.call('scheduleTenantDeletion', {
    params: { tenantId },
    body: { inDays: 7 },
  })
  await makeDue({ dataDir, databaseConnection: () => embeddedConnection(dataDir) }, body.id)
  const startMs = performance.now()
  for (;;) {
    const { body: found } = await operator.call('getAnyDestruction', { params: { destructionId: body.id } })
    if (found.state === 'destroyed') return rounded((performance.now() - startMs) / 1_000)
    await sleep(100)
  }
}

// Looks of replicas at the database that nobody asks for: by the statements of the server, over a connection of our own.
import { readRootKeyFile } from '../../../server/src/kms/root-key-file.ts'
import { createRowMacs } from '../../../server/src/store/authentic/row-macs.ts'
import { openDatabaseClock } from '../../../server/src/store/database-clock.ts'
import { openDatabase } from '../../../server/src/store/database.ts'
import { createStore, type Store } from '../../../server/src/store/store.ts'
import { embeddedConnection } from '../../../testkit/src/process/embedded-connection.ts'
import { sql } from 'kysely'
import path from 'node:path'
import { shortestMs, tookMs, type MeasureParts } from './measure-parts.ts'
import type { MeasuredRow, WorksOn } from './rows.ts'

const runs = 5
const maxAgeDays = 365
const dayMs = 86_400_000

export async function measureStore({ scene }: MeasureParts): Promise<MeasuredRow[]> {
  const { dataDir } = scene.keyhold
  const db = openDatabase(embeddedConnection(dataDir), {
    ...{ maxConnections: 2, applicationName: 'test', onError: () => undefined },
  })
  try {
    const rootKey = await readRootKeyFile(path.join(dataDir, 'root-key'))
    if (rootKey?.installationId === undefined) throw new TypeError('the data directory has no root key')
    const macs = createRowMacs()
    const { id: rootKeyId, key, installationId } = rootKey
    macs.open({ rootKeyId, rootKey: key, installationId, requiresMacs: true })
    const store = createStore(db, await openDatabaseClock(db), { macs })
    const rows: MeasuredRow[] = []
    for (const [name, worksOn, look] of looks(
      store,
      scene.samples.map(({ tenantId }) => tenantId),
    ))
      rows.push({ name, worksOn, unit: 'ms', value: await shortestMs(runs, look) })
    await sql`delete from keyhold.key_probes`.execute(db)
    const name = 'seeding of probes, of all keys'
    rows.push({
      name,
      worksOn: 'tenants',
      unit: 'ms',
      value: await tookMs(() => store.keyProbes.repair(dayMs)),
    })
    return rows
  } finally {
    await db.destroy()
  }
}

function looks(store: Store, tenantIds: readonly string[]): [string, WorksOn, () => Promise<unknown>][] {
  const [tenantId = ''] = tenantIds
  return [
    ['sweep: key jobs that nobody leads', 'nothing', () => store.keyJobs.listUnled()],
    ['sweep: tenant keys to destroy', 'nothing', () => store.tenantKeys.listDueForDestruction(100)],
    ['sweep: tenant keys to rotate', 'nothing', () => store.tenantKeys.listDueForRotation(maxAgeDays, 10)],
    ['sweep: destructions', 'nothing', () => store.destructions.listDue(100)],
    ['sweep: API keys that end', 'nothing', () => store.apiKeys.listEnding(14 * dayMs)],
    [
      'probes: claim',
      'nothing',
      () => store.keyProbes.claim(8, { hastened: 8, unhealthy: 8, healthy: 8 }, 0),
    ],
    [
      'checkpoints: a page of chains',
      'nothing',
      () => store.auditCheckpoints.listChains({ after: tenantId, limit: 100 }),
    ],
    ['generations: a page', 'nothing', () => store.generations.glance(tenantIds.slice(0, 100))],
    ['generations: facts of a tenant', 'nothing', () => factsOf(store, tenantId)],
    ['seeding of probes, nothing new', 'tenants', () => store.keyProbes.repair(dayMs)],
    ['tables are counted for metrics', 'tenants', () => store.metricCounts.countTables()],
  ]
}

async function factsOf(store: Store, tenantId: string): Promise<void> {
  await store.generations.readGuard(tenantId)
  await store.generations.readFence(tenantId)
}

// Fills the database of a Keyhold that is stopped with very many tenants and cipherkeys, of which one tenant has a great part.
import { once } from 'node:events'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import pg from 'pg'
import { readRootKeyFile } from '../../../server/src/kms/root-key-file.ts'
import { startEmbeddedPostgres } from '../../../server/src/postgres/start-embedded-postgres.ts'
import { createRowMacs } from '../../../server/src/store/authentic/row-macs.ts'
import { openDatabaseClock } from '../../../server/src/store/database-clock.ts'
import { openDatabase, type Database } from '../../../server/src/store/database.ts'
import { commandActor } from '../../../server/src/store/audits.ts'
import { createStore } from '../../../server/src/store/store.ts'
import { cloneTenant } from './clone-tenant.ts'
import { copyTenants } from './copy-tenants.ts'
import { readModel } from './model-tenant.ts'
import type { SeededTenant, SeedMessage, SeedOrder } from './seed-thread.ts'
import { namesFor, versionsOfDataKey } from './seeded-cipherkeys.ts'
import { tenantIdOf } from './seeded-customers.ts'

export interface SeedManyOptions {
  dataDir: string
  /** As in `keksOf`, which the local KMS has. */
  seed: string
  tenants: number
  cipherkeys: number
  /** How many of them one tenant has. */
  ofBigTenant: number
  /** The tenants after which the others are made: one with a KEK, and one with the internal KMS. */
  models: { own: { tenantId: string; keyArn: string }; internal: { tenantId: string } }
  /** How many tenants are told of. */
  samples: number
  say: (line: string) => void
}

export interface SeededTenants {
  /** It is with the internal KMS. */
  big: SeededTenant
  samples: SeededTenant[]
}

const threads = 2
const auditsAtOnce = 1_000
const tellEvery = 1_000_000
// Nothing that is seeded must survive a crash of the machine. The server itself starts with settings that are safe.
const whileSeeding = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_wal_size: '16GB',
  checkpoint_timeout: '1h',
  maintenance_work_mem: '256MB',
  autovacuum: 'off',
}

export async function seedManyTenants(options: SeedManyOptions): Promise<SeededTenants> {
  const { dataDir, say } = options
  const server = await startEmbeddedPostgres({ dataDir, log: () => undefined, settings: whileSeeding })
  const db = openDatabase(server.connection, {
    ...{ maxConnections: 2, applicationName: 'test', onError: () => undefined },
  })
  const client = new pg.Client(server.connection)
  try {
    await client.connect()
    const seeded = await seed(db, client, server.connection, options)
    say('vacuum')
    await client.query('vacuum (analyze)')
    await client.query('checkpoint')
    return seeded
  } finally {
    await client.end()
    await db.destroy()
    await server.stop()
  }
}

async function seed(
  db: Database,
  client: pg.Client,
  connection: pg.ClientConfig,
  options: SeedManyOptions,
): Promise<SeededTenants> {
  const { dataDir, seed: seedText, tenants, cipherkeys, ofBigTenant, samples, say } = options
  const rootKey = await readRootKeyFile(path.join(dataDir, 'root-key'))
  if (rootKey?.installationId === undefined) throw new TypeError('the data directory has no root key')
  const root = { id: rootKey.id, key: rootKey.key, installationId: rootKey.installationId }
  const macs = createRowMacs()
  macs.open({
    ...{ rootKeyId: root.id, rootKey: root.key, installationId: root.installationId, requiresMacs: true },
  })
  const models = {
    own: await readModel(db, options.models.own.tenantId, options.models.own.keyArn),
    internal: await readModel(db, options.models.internal.tenantId, undefined),
  }
  const big = await cloneTenant({ macs, rootKey: root, seed: seedText }, models.internal, 0)
  await copyTenants(client, [big], namesFor(ofBigTenant))

  const found: SeededTenant[] = []
  let copied = 0
  const cipherkeysEach = Math.floor((cipherkeys - ofBigTenant) / Math.max(1, tenants - 1))
  const order = (thread: number): SeedOrder => ({
    ...{ connection, root, seed: seedText, models, samples: Math.ceil(samples / threads) },
    tenants: {
      from: partOf(thread, 1, tenants),
      to: partOf(thread + 1, 1, tenants),
      cipherkeysEach,
    },
    more: {
      tenantKey: big.tenantKey,
      from: partOf(thread, 0, namesFor(ofBigTenant)) * versionsOfDataKey,
      to: Math.min(ofBigTenant, partOf(thread + 1, 0, namesFor(ofBigTenant)) * versionsOfDataKey),
    },
  })
  await Promise.all(
    Array.from({ length: threads }, (_, thread) =>
      runThread(order(thread), (message) => {
        found.push(...message.tenants)
        const before = copied
        copied += message.cipherkeys
        if (Math.floor(before / tellEvery) < Math.floor(copied / tellEvery))
          say(`${copied.toLocaleString('en')} cipherkeys`)
      }),
    ),
  )
  const store = createStore(db, await openDatabaseClock(db), { macs })
  for (let from = 0; from < tenants; from += auditsAtOnce) {
    await store.transaction(async (transaction) => {
      for (let number = from; number < Math.min(from + auditsAtOnce, tenants); number++)
        transaction.audit({
          ...{ tenantId: undefined, actor: commandActor },
          ...{ action: 'tenant.create', targetId: tenantIdOf(seedText, number) },
        })
      await Promise.resolve()
    })
  }
  return {
    big: {
      ...{ tenantId: big.tenantId, number: 0, hasOwnKey: false, token: undefined },
      ...{ adminToken: big.adminToken, serviceToken: big.serviceToken },
    },
    samples: found,
  }
}

function partOf(part: number, from: number, to: number): number {
  return from + Math.floor(((to - from) * part) / threads)
}

async function runThread(order: SeedOrder, onMessage: (message: SeedMessage) => void): Promise<void> {
  const file = path.join(import.meta.dirname, 'seed-thread.ts')
  const worker = new Worker(file, { workerData: order, execArgv: [] })
  worker.on('message', onMessage)
  const [status] = (await once(worker, 'exit')) as [number]
  if (status !== 0) throw new Error(`the thread that seeds tenants ended with ${status}`)
}

// One replica as it is in memory, without its HTTP: it can be killed at any point, and then commits nothing any more.
import { createDataKeyCache, type DataKeyCache } from '../../src/keyring/data-key-cache.ts'
import { createTenantKeyCache } from '../../src/keyring/tenant-key-cache.ts'
import type { Failpoint } from '../../src/migration/engine/failpoint.ts'
import type { MigrationParts } from '../../src/migration/engine/migration-parts.ts'
import { findUnreadableRecords, rewrapRecords } from '../../src/migration/engine/rewrap-records.ts'
import type { RewrapThreads } from '../../src/migration/engine/rewrap-threads.ts'
import type { StartMigrationParts } from '../../src/migration/start-migration.ts'
import type { Store } from '../../src/store/store.ts'
import { observeStore, type Observer } from './observed-store.ts'
import type { RevocableKms } from './revocable-kms.ts'

/** Thrown by everything that a killed replica still attempts. */
export class Killed extends Error {}

export interface Replica {
  store: Store
  dataKeys: DataKeyCache
  start: StartMigrationParts
  migration: MigrationParts
  /** From now on it commits nothing, and everything it asks of the database fails. */
  kill(): void
}

export interface ReplicaOptions {
  store: Store
  kms: RevocableKms
  /** 0: nothing is held. */
  ttlMs: number
  clock: () => number
  backupRetentionDays: number
  failpoint?: Failpoint
  /** Waited for before each query and each transaction. */
  observer?: Observer
}

// Two rows a chunk, and two chunks at work: a handful of cipherkeys passes through everything that a million does.
const chunkRows = 2

// The same work as in threads, without their start.
/* oxlint-disable typescript/require-await */
const threads: RewrapThreads = {
  count: 1,
  rewrap: async (order) => rewrapRecords(order),
  findUnreadable: async (records, tenantKey) => findUnreadableRecords(records, tenantKey),
  giveWay: () => undefined,
  close: () => Promise.resolve(),
}
/* oxlint-enable typescript/require-await */

export function createReplica(options: ReplicaOptions): Replica {
  const { kms, ttlMs, clock, backupRetentionDays, observer } = options
  let isDead = false
  const refuseDead = () => {
    if (isDead) throw new Killed()
  }
  const store = observeStore(options.store, async (name) => {
    await observer?.(name)
    refuseDead()
  })
  const failpoint: Failpoint = async (name) => {
    await options.failpoint?.(name)
    refuseDead()
  }
  const shared = { store, clock }
  const tenantKeys = createTenantKeyCache({
    ...{ ...shared, kms, random: () => 0, maxEntries: 100 },
    ttl: { minMs: 0, maxMs: ttlMs },
  })
  const dataKeys = createDataKeyCache({
    ...shared,
    tenantKeys,
    maxEntries: 100,
    maxEntriesPerTenant: 100,
    maxKeyNames: 100,
    maxDataKeyAgeMs: Number.POSITIVE_INFINITY,
  })
  return {
    store,
    dataKeys,
    start: { store, kms, failpoint, enqueue: () => Promise.resolve() },
    migration: {
      store,
      kms,
      tenantKeys,
      threads,
      pacer: { turn: () => Promise.resolve({ rows: chunkRows, done: () => undefined }), depth: () => 2 },
      holdSigner: () => Promise.resolve(() => 'signed'),
      leadSeconds: 60,
      backupRetentionDays,
      failpoint,
    },
    kill() {
      isDead = true
    },
  }
}

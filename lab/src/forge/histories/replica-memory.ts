// The memory of a replica: of the rows that it has verified, of that what it keeps outside of the database, and its next life.
import {
  gatherRecords,
  type KeptRecords,
} from '../../../../server/src/installation/generations/generation-records.ts'
import { createGenerationRounds } from '../../../../server/src/installation/generations/generation-rounds.ts'
import { createGenerations } from '../../../../server/src/store/authentic/seen-generations.ts'
import type { RowMacs } from '../../../../server/src/store/authentic/row-macs.ts'
import type { DatabaseClock } from '../../../../server/src/store/database-clock.ts'
import type { Database } from '../../../../server/src/store/database.ts'
import { createStore, type Store } from '../../../../server/src/store/store.ts'

export interface ReplicaMemory {
  store: Store
  /** Keeps what it has verified so far outside of the database. */
  keep: () => Promise<void>
  /** Its next life, which knows what it has kept. */
  reopen: () => ReplicaMemory
}

export interface ReplicaMemoryParts {
  db: Database
  clock: DatabaseClock
  macs: RowMacs
  onKept: (records: number) => void
  /** A tenant is called older than what is remembered. */
  onOlder: (tenantId: string) => void
}

export function openReplicaMemory(
  parts: ReplicaMemoryParts,
  kept: KeptRecords & Pick<ReturnType<typeof gatherRecords>, 'add'> = gatherRecords(),
): ReplicaMemory {
  const generations = createGenerations()
  for (const each of kept.fences.values()) generations.fences.prime(each.tenantId, each.generation)
  for (const each of kept.guards.values()) generations.guards.prime(each.tenantId, each.generation)
  if (kept.installation) generations.installation.prime('', kept.installation.generation)
  const store = createStore(parts.db, parts.clock, { macs: parts.macs, generations })
  const rounds = createGenerationRounds({
    ...{ store, generations, tenants: [...kept.fences.keys()], onOlder: parts.onOlder },
    writer: {
      write(records) {
        for (const record of records) kept.add(record)
        parts.onKept(records.length)
      },
      settled: () => Promise.resolve(),
    },
    onOver: () => undefined,
  })
  return { store, keep: () => rounds.round(), reopen: () => openReplicaMemory(parts, kept) }
}

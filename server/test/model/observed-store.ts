// A store that says what it is about to do, and waits, or gives up, as it is told.
import type { SnapshotStore, Store, TransactionStore } from '../../src/store/store.ts'

/**
 * Called before each query (`tenantKeys.find`), each transaction (`begin`) and each commit (`commit`), and before and after
 * each snapshot (`snapshot`, `end of snapshot`).
 */
export type Observer = (name: string) => Promise<void>

export function observeStore(store: Store, observer: Observer): Store {
  function observed<Rest extends unknown[], Result>(
    work: (transaction: TransactionStore, ...rest: Rest) => Promise<Result>,
  ): typeof work {
    return async (transaction, ...rest) => {
      const result = await work(observeQueries(transaction, observer) as TransactionStore, ...rest)
      await observer('commit')
      return result
    }
  }
  return {
    ...(observeQueries(store, observer) as Store),
    async transaction(work) {
      await observer('begin')
      return store.transaction(observed(work))
    },
    async withFence(tenantId, work) {
      await observer('begin')
      return store.withFence(tenantId, observed(work))
    },
    async withFenceShared(tenantId, work) {
      await observer('begin')
      return store.withFenceShared(tenantId, observed(work))
    },
    async readSnapshot(read) {
      await observer('snapshot')
      try {
        return await store.readSnapshot((snapshot) =>
          read(observeQueries(snapshot, observer) as SnapshotStore),
        )
      } finally {
        await observer('end of snapshot')
      }
    },
  }
}

type Queries = Readonly<Record<string, Record<string, (...values: unknown[]) => Promise<unknown>>>>

function observeQueries(store: SnapshotStore, observer: Observer): object {
  const observed: object = { ...store }
  for (const [group, queries] of Object.entries(store as unknown as Queries)) {
    if (outside.has(group)) continue
    // At the first use: a transaction uses a few of some three hundred queries.
    let made: Queries[string] | undefined
    const get = () => (made ??= observeGroup(group, queries, observer))
    Object.defineProperty(observed, group, { get, enumerable: true })
  }
  return observed
}

function observeGroup(group: string, queries: Queries[string], observer: Observer): Queries[string] {
  const observed = Object.entries(queries).map(([name, query]) => [
    name,
    async (...values: unknown[]) => {
      await observer(`${group}.${name}`)
      return Reflect.apply(query, queries, values) as unknown
    },
  ])
  return Object.fromEntries(observed) as Queries[string]
}

const outside = new Set([
  ...['transaction', 'withFence', 'withFenceShared', 'readSnapshot'],
  ...['handle', 'audit', 'confirmActor', 'clock', 'macs', 'manifest'],
])

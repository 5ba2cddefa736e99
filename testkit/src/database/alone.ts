// Queries of a store, each in a transaction of its own that has the fence of a tenant alone: for tests that change one row.
import type { Store, TransactionStore } from '../../../server/src/store/store.ts'

type Queries = Omit<TransactionStore, 'handle' | 'manifest' | 'audit' | 'confirmActor' | 'macs' | 'clock'>
type Call = (...values: unknown[]) => unknown

export function alone(store: Pick<Store, 'withFence'>, tenantId: string): Queries {
  const queriesOf = (group: string) =>
    new Proxy(
      {},
      {
        get:
          (_, name) =>
          (...values: unknown[]) =>
            store.withFence(tenantId, (transaction) => {
              const queries = transaction[group as keyof Queries] as unknown as Record<string | symbol, Call>
              return Promise.resolve(queries[name]?.(...values))
            }),
      },
    )
  return new Proxy({} as Queries, { get: (_, group) => queriesOf(String(group)) })
}

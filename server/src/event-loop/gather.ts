// Answers many callers that ask for one row each with few queries. Callers that ask while a query of the same tenant runs
// wait for its end and go together into the next one. Without a running query one starts at once, for all callers of the
// same turn of the event loop.
import { setImmediate } from 'node:timers/promises'

export type Ask<Key, Value> = (tenantId: string, key: Key) => Promise<Value>

// The limit of one query: the items of one request.
const maxKeys = 1_000
// The work of callers with their answers, such as opening a cipherkey, runs before other events: 2 ms at a time.
const answersPerTurn = 40

interface Waiting<Key, Value> {
  key: Key
  resolve: (value: Value) => void
  reject: (reason: unknown) => void
}

/**
 * Creates the asking function.
 *
 * @param load - answers in the order of the keys; an `Error` among the answers concerns its key alone, an error that is
 * thrown concerns all keys
 */
export function gather<Key, Value>(
  load: (tenantId: string, keys: Key[]) => Promise<(Value | Error)[]>,
): Ask<Key, Value> {
  const waitingByTenant = new Map<string, Waiting<Key, Value>[]>()

  async function serve(tenantId: string, waiting: Waiting<Key, Value>[]): Promise<void> {
    // Other callers of this turn of the event loop may ask first.
    await Promise.resolve()
    while (waiting.length > 0) await answer(tenantId, waiting.splice(0, maxKeys))
    waitingByTenant.delete(tenantId)
  }

  return (tenantId, key) =>
    new Promise((resolve, reject) => {
      const one = { key, resolve, reject }
      const waiting = waitingByTenant.get(tenantId)
      if (waiting !== undefined) {
        waiting.push(one)
        return
      }
      const first = [one]
      waitingByTenant.set(tenantId, first)
      void serve(tenantId, first)
    })

  async function answer(tenantId: string, asked: Waiting<Key, Value>[]): Promise<void> {
    try {
      const values = await load(
        tenantId,
        asked.map(({ key }) => key),
      )
      for (const [index, { resolve, reject }] of asked.entries()) {
        const value = values[index]
        if (value instanceof Error) reject(value)
        else resolve(value as Value)
        if ((index + 1) % answersPerTurn === 0) await setImmediate()
      }
    } catch (error) {
      for (const { reject } of asked) reject(error)
    }
  }
}

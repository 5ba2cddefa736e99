// Tells of API keys before they end: 14, 7 and 1 day ahead, once each. Each replica tells by itself.
import type { ApiKeyRow } from '../store/api-keys/api-keys.ts'
import type { Store } from '../store/store.ts'

/** The days ahead, the most urgent first. */
const daysAhead = [1, 7, 14] as const
type DaysAhead = (typeof daysAhead)[number]

const dayMs = 86_400_000

export interface EndingKeys {
  /** Looks which keys end soon, and tells of those that it has not told of. */
  look(): Promise<void>
  /** How many end within so many days, as of the last look. Undefined: it has not looked. */
  counts(): Readonly<Record<`${DaysAhead}d`, number>> | undefined
}

export interface EndingKeysOptions {
  store: { apiKeys: Pick<Store['apiKeys'], 'listEnding'>; clock: Pick<Store['clock'], 'now'> }
  onEnding: (key: Pick<ApiKeyRow, 'id' | 'role' | 'tenantId' | 'expiresAt'>, days: DaysAhead) => void
}

export function createEndingKeys({ store, onEnding }: EndingKeysOptions): EndingKeys {
  // By the key, its end and the days.
  let told = new Set<string>()
  let counts: Record<`${DaysAhead}d`, number> | undefined

  return {
    async look() {
      const keys = await store.apiKeys.listEnding(Math.max(...daysAhead) * dayMs)
      const nowMs = store.clock.now().getTime()
      const now = new Set<string>()
      const found = { '1d': 0, '7d': 0, '14d': 0 }
      for (const key of keys) {
        const leftDays = ((key.expiresAt?.getTime() ?? 0) - nowMs) / dayMs
        const within = daysAhead.filter((days) => leftDays <= days)
        for (const days of within) found[`${days}d`]++
        const [days] = within
        if (days === undefined) continue
        const name = `${key.id}/${key.expiresAt?.getTime() ?? 0}/${days}`
        if (!told.has(name)) onEnding(key, days)
        now.add(name)
      }
      told = now
      counts = found
    },
    counts: () => counts,
  }
}

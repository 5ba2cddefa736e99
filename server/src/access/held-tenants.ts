// The tenants of callers whose own row names none, or who have no row: a replica confirms them ahead, as it does with API keys. So a
// request costs no query, and a database that is away for less than the time limit ends nobody who is at work.
import { createSingleFlight } from '../event-loop/single-flight.ts'
import type { Store } from '../store/store.ts'
import { LRUCache } from 'lru-cache'

export interface HeldTenantsOptions {
  store: { tenants: Pick<Store['tenants'], 'isOpen' | 'findOpen'> }
  /** How long a tenant is held without a reading that finds it. 0: not at all. */
  ttlMs: number
  /** Monotonic, in milliseconds. */
  clock: () => number
}

export interface HeldTenants {
  /**
   * Whether there is the tenant, and its deletion has not begun. Without a promise for one that was confirmed a moment ago.
   *
   * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`, as rejections
   */
  exists(tenantId: string): boolean | Promise<boolean>
  /** The tenant is gone: what was read before counts for nothing. */
  endTenant(tenantId: string): void
  /** Reads those in use. Ends those that are gone; the others may stay for longer. */
  readAgain(): Promise<void>
}

interface Held {
  untilMs: number
  usedMs: number
}

const maxHeld = 10_000
const maxEnded = 10_000
const rowsAtOnce = 1_000
// A reading does not prolong the time of those whom nobody asks for: they end by the time limit.
const idleMs = 10_000

export function createHeldTenants({ store, ttlMs, clock }: HeldTenantsOptions): HeldTenants {
  // By `maxSize` they take room as they fill; by `max`, all of it at the start.
  const held = new LRUCache<string, Held>({ maxSize: maxHeld, sizeCalculation: () => 1 })
  const endedMs = new LRUCache<string, number>({ maxSize: maxEnded, sizeCalculation: () => 1 })
  const flights = createSingleFlight<boolean>()

  async function look(tenantId: string): Promise<boolean> {
    const readAtMs = clock()
    const isOpen = await store.tenants.isOpen(tenantId)
    if (!isOpen) held.delete(tenantId)
    else if (readAtMs > (endedMs.get(tenantId) ?? -Infinity)) {
      held.set(tenantId, { untilMs: readAtMs + ttlMs, usedMs: clock() })
    }
    return isOpen
  }

  return {
    exists(tenantId) {
      const one = held.get(tenantId)
      const nowMs = clock()
      if (one !== undefined && nowMs < one.untilMs) {
        one.usedMs = nowMs
        return true
      }
      return flights.share(tenantId, () => look(tenantId), tenantId)
    },

    endTenant(tenantId) {
      endedMs.set(tenantId, clock())
      held.delete(tenantId)
      flights.outdate(tenantId)
    },

    async readAgain() {
      const nowMs = clock()
      for (const [tenantId, { untilMs }] of held.entries()) if (nowMs >= untilMs) held.delete(tenantId)
      const inUse = [...held.entries()].filter(([, { usedMs }]) => usedMs > nowMs - idleMs)
      for (let from = 0; from < inUse.length; from += rowsAtOnce) {
        const asked = inUse.slice(from, from + rowsAtOnce)
        const readAtMs = clock()
        const found = await store.tenants.findOpen(asked.map(([tenantId]) => tenantId))
        for (const [tenantId, one] of asked) {
          if (held.peek(tenantId) !== one) continue
          const isOpen = found.get(tenantId)
          if (isOpen === true) one.untilMs = Math.max(one.untilMs, readAtMs + ttlMs)
          // Of a row that is not as Keyhold wrote it nobody knows: it ends by the time limit, and whoever asks then is told.
          else if (isOpen === undefined) held.delete(tenantId)
        }
      }
    },
  }
}

// Callers for whom an issuer vouches and that were seen a moment ago, so that their requests cost no signature and no query. None is
// held for longer than a minute, since nothing else tells that the issuer has taken back what it said.
import { LRUCache } from 'lru-cache'
import type { Caller } from '../access/caller.ts'

export interface IssuedCaller {
  caller: Caller
  /** The SHA-256 of the certificate that must be shown with it. */
  boundTo: string | undefined
}

export interface IssuedCallers {
  find(name: string): IssuedCaller | undefined
  /**
   * @param readAtMs - before its tenant was looked for
   * @param forMs - how long what was shown is valid
   */
  hold(name: string, issued: IssuedCaller, readAtMs: number, forMs: number): void
  /** The tenant is gone. */
  endTenant(tenantId: string): void
  /** Others are trusted from now on: whatever was begun before is not held. */
  clear(): void
}

const maxHeld = 10_000
const maxEnded = 10_000
const holdMs = 60_000

/** @param clock - monotonic, in milliseconds */
export function createIssuedCallers(clock: () => number): IssuedCallers {
  const held = new LRUCache<string, IssuedCaller & { untilMs: number }>({ max: maxHeld })
  const tenantEndedMs = new LRUCache<string, number>({ max: maxEnded })
  let clearedMs = Number.NEGATIVE_INFINITY
  return {
    find(name) {
      const one = held.get(name)
      if (one === undefined || clock() < one.untilMs) return one
      held.delete(name)
      return undefined
    },
    hold(name, issued, readAtMs, forMs) {
      const { tenantId } = issued.caller
      const endedMs = tenantId === undefined ? undefined : tenantEndedMs.get(tenantId)
      if (readAtMs <= clearedMs || (endedMs !== undefined && readAtMs <= endedMs)) return
      held.set(name, { ...issued, untilMs: readAtMs + Math.min(holdMs, forMs) })
    },
    endTenant(tenantId) {
      tenantEndedMs.set(tenantId, clock())
      for (const [name, { caller }] of held.entries()) if (caller.tenantId === tenantId) held.delete(name)
    },
    clear() {
      clearedMs = clock()
      held.clear()
    },
  }
}

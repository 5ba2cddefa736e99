// Callers for whom an issuer vouches and that were seen a moment ago, so that their requests cost no signature. None is
// held for longer than a minute, since nothing else tells that the issuer has taken back what it said.
import { LRUCache } from 'lru-cache'
import type { Caller } from '../access/caller.ts'

export interface IssuedCaller {
  caller: Caller
  /** The SHA-256 of the certificate that must be shown with it. */
  boundTo: string | undefined
  /** The name of its issuer in the file of issuers. Undefined: of a certificate. */
  issuer: string | undefined
  subject: string | undefined
}

export interface IssuedCallers {
  find(name: string): IssuedCaller | undefined
  /**
   * @param readAtMs - before its issuer was looked for
   * @param forMs - how long what was shown is valid
   */
  hold(name: string, issued: IssuedCaller, readAtMs: number, forMs: number): void
  /** Others are trusted from now on: whatever was begun before is not held. */
  clear(): void
  /** Whether those that were trusted then are trusted now. */
  areTrustedSince(atMs: number): boolean
}

const maxHeld = 10_000
const holdMs = 60_000

/** @param clock - monotonic, in milliseconds */
export function createIssuedCallers(clock: () => number): IssuedCallers {
  const held = new LRUCache<string, IssuedCaller & { untilMs: number }>({ max: maxHeld })
  let clearedMs = Number.NEGATIVE_INFINITY
  const areTrustedSince = (atMs: number) => atMs > clearedMs
  return {
    find(name) {
      const one = held.get(name)
      if (one === undefined || clock() < one.untilMs) return one
      held.delete(name)
      return undefined
    },
    hold(name, issued, readAtMs, forMs) {
      if (areTrustedSince(readAtMs))
        held.set(name, { ...issued, untilMs: readAtMs + Math.min(holdMs, forMs) })
    },
    clear() {
      clearedMs = clock()
      held.clear()
    },
    areTrustedSince,
  }
}

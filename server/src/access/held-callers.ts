// The callers that a replica has seen a moment ago, so that their requests cost no query. All of them are read again every
// so often and whenever an API key is revoked somewhere; without the database they end by their time limit.
import type { ApiKeyRow, FoundApiKey } from '../store/api-keys/api-keys.ts'
import type { Store } from '../store/store.ts'
import { LRUCache } from 'lru-cache'
import { callerOf, type Caller } from './caller.ts'

export interface HeldCallersOptions {
  store: Pick<Store, 'apiKeys'>
  /** How long a caller is held without a reading that finds it. 0: not at all. */
  ttlMs: number
  /** Monotonic, in milliseconds. */
  clock: () => number
}

export interface HeldCallers {
  /** Undefined: the access token has to be looked up. It counts as used, unless it is bound to addresses. */
  find(token: string): Caller | undefined
  /** A key that is bound to addresses was used from one of them. */
  noteUse(token: string): void
  /**
   * Holds a caller whose row was read.
   *
   * @param readAtMs - before the reading began
   */
  hold(token: string, row: FoundApiKey, readAtMs: number): void
  /** The API key is revoked. Its row counts as gone from now on, whatever is read. */
  end(apiKeyId: string): void
  /** The tenant is gone, and with it the API keys that are bound to it. */
  endTenant(tenantId: string): void
  /** Whether this replica knows that the API key is revoked. */
  isEnded(apiKeyId: string): boolean
  /** Reads the rows of all that are held. Ends those whose row is gone or another one; the others may stay for longer. */
  readAgain(): Promise<void>
  /** How long ago each API key was last used, of those that were used since this was asked last. In milliseconds, by its id. */
  takeUses(): Map<string, number>
}

interface Held {
  caller: Caller
  row: ApiKeyRow
  untilMs: number
  /** Undefined: not yet, since it came from an address to which it is not bound. */
  usedMs: number | undefined
}

const maxHeld = 10_000
const maxEnded = 10_000
const rowsAtOnce = 1_000
// A reading does not prolong the time of those who send nothing for so long: they end by the time limit.
const idleMs = 10_000

export function createHeldCallers({ store, ttlMs, clock }: HeldCallersOptions): HeldCallers {
  // By the whole token: hashing it with every request takes longer than everything else here. Only tokens that are valid
  // get in, and looking one up compares characters only of those with the same hash under a random seed.
  const held = new Map<string, Held>()
  // By `maxSize` it takes room as it fills; by `max`, all of it at the start.
  const ended = new LRUCache<string, true>({ maxSize: maxEnded, sizeCalculation: () => 1 })
  // When a replica said so. Anybody who reaches the database may say it, so that it outdates only what was read before.
  const tenantEndedMs = new LRUCache<string, number>({ maxSize: maxEnded, sizeCalculation: () => 1 })
  let sweepAtMs = 0

  // Of keys that are held no more.
  const usedMs = new Map<string, number>()
  let takenMs = Number.NEGATIVE_INFINITY

  function keepUse({ row: { id }, usedMs: atMs }: Held): void {
    if (atMs !== undefined && atMs >= takenMs && usedMs.size < maxHeld)
      usedMs.set(id, Math.max(atMs, usedMs.get(id) ?? atMs))
  }

  function drop(token: string): void {
    const one = held.get(token)
    if (one === undefined) return
    keepUse(one)
    held.delete(token)
  }

  // Without this, tokens that nobody uses any more would stay in memory.
  function sweep(nowMs: number): void {
    if (nowMs < sweepAtMs && held.size < maxHeld) return
    sweepAtMs = nowMs + idleMs
    dropOver(nowMs)
    if (held.size >= maxHeld) for (const token of held.keys()) drop(token)
  }

  function dropOver(nowMs: number): void {
    for (const [token, { untilMs }] of held) if (nowMs >= untilMs) drop(token)
  }

  function endAll(isMeant: (caller: Caller) => boolean): void {
    for (const [token, { caller }] of held) if (isMeant(caller)) drop(token)
  }

  function compare(
    asked: readonly [string, Held][],
    rows: ReadonlyMap<string, FoundApiKey>,
    readAtMs: number,
  ) {
    for (const [token, one] of asked) {
      if (held.get(token) !== one) continue
      const row = rows.get(one.row.id)
      if (row === undefined || row.scopeFault !== undefined || !isSame(row, one.row)) drop(token)
      else if (one.usedMs !== undefined && one.usedMs > readAtMs - idleMs) {
        one.untilMs = Math.max(one.untilMs, readAtMs + Math.min(ttlMs, row.endsInMs ?? ttlMs))
      }
    }
  }

  return {
    find(token) {
      const one = held.get(token)
      if (one === undefined) return undefined
      const nowMs = clock()
      if (nowMs >= one.untilMs) return undefined
      if (one.caller.isFrom === undefined) one.usedMs = nowMs
      return one.caller
    },

    noteUse(token) {
      const one = held.get(token)
      if (one !== undefined) one.usedMs = clock()
    },

    hold(token, row, readAtMs) {
      const endedMs = row.tenantId === undefined ? undefined : tenantEndedMs.get(row.tenantId)
      if (ended.has(row.id) || (endedMs !== undefined && readAtMs <= endedMs)) return
      const nowMs = clock()
      sweep(nowMs)
      drop(token)
      const untilMs = readAtMs + Math.min(ttlMs, row.endsInMs ?? ttlMs)
      const caller = callerOf(row)
      held.set(token, { caller, row, untilMs, usedMs: caller.isFrom === undefined ? nowMs : undefined })
    },

    end(apiKeyId) {
      ended.set(apiKeyId, true)
      endAll((caller) => caller.id === apiKeyId)
    },

    endTenant(tenantId) {
      tenantEndedMs.set(tenantId, clock())
      endAll((caller) => caller.tenantId === tenantId)
    },

    isEnded: (apiKeyId) => ended.has(apiKeyId),

    takeUses() {
      const nowMs = clock()
      for (const one of held.values()) keepUse(one)
      const taken = new Map(Array.from(usedMs, ([id, atMs]) => [id, nowMs - atMs]))
      usedMs.clear()
      takenMs = nowMs
      return taken
    },

    async readAgain() {
      // Where nobody new calls, nothing else takes those out whose time is over.
      dropOver(clock())
      const all = [...held]
      for (let from = 0; from < all.length; from += rowsAtOnce) {
        const asked = all.slice(from, from + rowsAtOnce)
        const readAtMs = clock()
        const rows = await store.apiKeys.findAll([...new Set(asked.map(([, { row }]) => row.id))])
        compare(asked, rows, readAtMs)
      }
    },
  }
}

function isSame(row: ApiKeyRow, other: ApiKeyRow): boolean {
  return (
    row.role === other.role &&
    row.tenantId === other.tenantId &&
    row.secretHash.equals(other.secretHash) &&
    row.expiresAt?.getTime() === other.expiresAt?.getTime() &&
    areSame(row.scopes, other.scopes) &&
    areSame(row.addresses, other.addresses)
  )
}

function areSame(texts: readonly string[] | undefined, others: readonly string[] | undefined): boolean {
  return texts?.join() === others?.join() && (texts === undefined) === (others === undefined)
}

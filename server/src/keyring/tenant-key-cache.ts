// Tenant keys in memory. Each is held for a short time after its KEK unwrapped it. Here revocation takes effect: a denial
// evicts at once what it concerns, an outage only lets the time run out, and no key is ever held longer than the TTL.
// While the database is away, the KMS is asked with the row as it was read last: data keys that are held go on to the end of
// their own time, and no longer, since each of them must be read again by then.
import { isErrorOfKind, isKeyholdError, KeyholdError, type Kms, type TenantKey } from '@keyhold/core'
import { LRUCache } from 'lru-cache'
import { createSingleFlight, type Flight } from '../event-loop/single-flight.ts'
import { isDatabaseUnavailable } from '../store/database.ts'
import type { Denial } from '../store/notifications.ts'
import type { Store } from '../store/store.ts'
import type { CacheCounts } from './cache-counts.ts'
import { denialOf } from './denial-of.ts'
import { findStoredTenantKey, unwrapTenantKey, type StoredTenantKey } from './open-tenant-key.ts'
import { createPerTenantCache } from './per-tenant-cache.ts'
import { createUnwraps } from './unwraps.ts'

/** A tenant key, valid until a monotonic time. Every refresh moves that time on, and an eviction ends it. */
export interface HeldTenantKey {
  readonly tenantKey: TenantKey
  readonly keyArn: string
  /** Whether the names in rows under the version may be used to encrypt. */
  isBelieved: boolean
  /** How long the tenant lets its keys be held. */
  ttlMs: number
  validUntilMs: number
  /** From then on, the next use asks the KMS anew. */
  refreshAtMs: number
  /** As it was read last, and when that reading began. */
  row: StoredTenantKey
  readAtMs: number
}

/**
 * How long a key is held, in milliseconds from the start of the KMS call that unwrapped it; 0: not at all. A tenant may
 * choose less than `maxMs`, but no less than `minMs`.
 */
export interface KeyTtl {
  minMs: number
  maxMs: number
}

export interface TenantKeyCacheOptions {
  store: Store
  kms: Kms
  ttl: KeyTtl
  maxEntries: number
  /** Default: as many as there is room for. */
  maxEntriesPerTenant?: number
  /** A monotonic clock in milliseconds. */
  clock: () => number
  /** From 0 to below 1: it spreads the refreshes. */
  random?: () => number
  /** How long the row of a held key is waited for, in milliseconds; default 2,000. Then the one that was read last counts. */
  rowWaitMs?: number
  /** Receives every denial, also if no key was held: other replicas may hold some. */
  onDenial?: (denial: Denial) => void
  /** Whether the tenant's administrator has locked it, as far as this replica knows. Default: never. */
  isLocked?: (tenantId: string) => boolean
}

export interface TenantKeyCache {
  /**
   * Undefined: there is no such version, or it is destroyed. Throws the errors of the KMS, `ERR_KEY_INTEGRITY`,
   * `ERR_TENANT_LOCKED`, or `ERR_DATABASE_UNAVAILABLE` when its row could not be read for one TTL.
   * When less than `minRemainingShare` (0 to 1) of a held key's time is left, the KMS is asked first. After an outage of
   * the KMS the held key is answered all the same.
   */
  get(tenantId: string, version: number, minRemainingShare?: number): Promise<HeldTenantKey | undefined>
  /** For uses of a held key without `get`, as by data keys: asks the KMS anew when it is time, without waiting. */
  keepFresh(entry: HeldTenantKey, nowMs?: number): void
  /** Ends all keys that a denial concerns. Keys that were asked for before are not held later. */
  evictDenied(denial: Denial): void
  /** Ends all keys, each at a moment of its own within its TTL, so that the KMSs are not asked for all of them at once. */
  endAllWithinTtl(): void
  /** Ends all keys of a tenant. Keys that were read before are not held later. */
  evictTenant(tenantId: string): void
  /** The tenants of which keys are held. */
  heldTenants(): string[]
  counts(): CacheCounts
}

// A key in use is unwrapped anew in the last fifth of its time, so that traffic does not wait for the KMS. The moment is
// spread over the first half of that fifth: keys that were unwrapped together, as after a start, are so only once.
const refreshShare = 0.8
const refreshSpread = 0.1

// After a refusal the KMS is not asked for a moment, however much traffic the tenant has. The moment is short, since a
// customer who gives access back looks at once, and never longer than a key would be held.
const refusalMs = 1_000
// The same after an early refresh that met an outage.
const retryMs = 1_000
// A host that has lost its power refuses nothing: statements wait for it, longer than the last fifth of a key's time. The KMS is
// asked meanwhile.
const usualRowWaitMs = 2_000

interface Refusal {
  error: KeyholdError
  untilMs: number
}

export function createTenantKeyCache({
  store,
  kms,
  ttl,
  maxEntries,
  maxEntriesPerTenant = maxEntries,
  clock,
  random = Math.random,
  rowWaitMs = usualRowWaitMs,
  onDenial,
  isLocked = () => false,
}: TenantKeyCacheOptions): TenantKeyCache {
  let hits = 0
  let misses = 0
  let ended = 0
  const held = createPerTenantCache<HeldTenantKey>({
    maxEntries,
    maxEntriesPerTenant,
    isValid: ({ validUntilMs }) => validUntilMs > clock(),
    // Data keys still refer to an entry that leaves the cache: they must see it end as well.
    onRemove: (entry) => {
      entry.validUntilMs = Number.NEGATIVE_INFINITY
    },
  })
  const flights = createSingleFlight<HeldTenantKey | undefined>()
  const unwraps = createUnwraps()
  // By `maxSize` it takes room as it fills; by `max`, all of it at the start.
  const refusals = new LRUCache<string, Refusal>({ maxSize: maxEntries, sizeCalculation: () => 1 })

  const nameOf = (tenantId: string, version: number) => `${tenantId}/${version}`

  function drop(tenantId: string, version: number): void {
    if (held.get(tenantId, String(version)) !== undefined) ended++
    held.delete(tenantId, String(version))
  }

  function evictDenied(denial: Denial): void {
    ended += held.deleteGroup(denial.keyArn, denial.tenantId)
    unwraps.outdate(denial)
  }

  function evictTenant(tenantId: string): void {
    ended += held.deleteTenant(tenantId)
    flights.outdate(tenantId)
  }

  async function fetch(
    tenantId: string,
    version: number,
    flight: Flight,
  ): Promise<HeldTenantKey | undefined> {
    const name = nameOf(tenantId, version)
    const { row, readAtMs } = await read(tenantId, version)
    if (row === undefined) {
      drop(tenantId, version)
      return undefined
    }
    const { keyArn, isBelieved } = row
    // The lock is read with the row: a replica that does not know of it yet takes no new key into memory either.
    if (row.isLocked) refuseLocked(tenantId, version)
    const startMs = clock()
    const ttlMs = clamp(row.keyCacheTtlMs ?? ttl.maxMs, ttl)
    const unwrap = unwraps.begin({ keyArn, tenantId })
    try {
      const tenantKey = await unwrapTenantKey(kms, row)
      // The tenant may have been locked while the KMS was asked.
      if (isLocked(tenantId)) refuseLocked(tenantId, version)
      const known = held.get(tenantId, String(version))
      // The same version has another id if the tenant was deleted and made anew.
      const entry =
        known?.tenantKey.id === tenantKey.id
          ? known
          : {
              tenantKey,
              keyArn,
              isBelieved,
              ttlMs,
              validUntilMs: startMs,
              refreshAtMs: startMs,
              row,
              readAtMs,
            }
      entry.isBelieved = isBelieved
      entry.row = row
      entry.readAtMs = readAtMs
      refusals.delete(name)
      if (flight.isOutdated || unwrap.isOutdated) return entry
      entry.ttlMs = ttlMs
      entry.validUntilMs = startMs + ttlMs
      entry.refreshAtMs = startMs + ttlMs * (refreshShare + refreshSpread * random())
      if (ttlMs > 0) hold(entry)
      return entry
    } catch (error) {
      if (isErrorOfKind(error, 'denial', 'damage')) {
        const denial = denialOf(error.code, { keyArn, tenantId })
        evictDenied(denial)
        // Damage is a row of this database: other replicas meet it by themselves.
        if (isErrorOfKind(error, 'denial')) onDenial?.(denial)
        refusals.set(name, { error, untilMs: startMs + Math.min(refusalMs, ttlMs) })
      }
      throw error
    } finally {
      unwrap.end()
    }
  }

  interface ReadRow {
    row: StoredTenantKey | undefined
    readAtMs: number
  }

  /** Where the database is away, or silent: the row of a held key, as it was read last. */
  async function read(tenantId: string, version: number): Promise<ReadRow> {
    const readAtMs = clock()
    const reading = findStoredTenantKey(store, tenantId, version)
    try {
      const known = findValid(tenantId, version)
      // Who needs a newer row waits for it.
      if (known !== undefined && !isReadTooLongAgo(known) && (await isLate(reading, rowWaitMs))) {
        const still = findValid(tenantId, version)
        if (still !== undefined) {
          hearLate(reading, tenantId, version)
          return still
        }
      }
      return { row: await reading, readAtMs }
    } catch (error) {
      // Rows that Keyhold did not write may hide a lock, or the end of a version: the tenant's keys must not be used.
      if (isKeyholdError(error, 'ERR_RECORD_NOT_AUTHENTIC')) evictTenant(tenantId)
      const known = isDatabaseUnavailable(error) ? findValid(tenantId, version) : undefined
      if (known === undefined) throw error
      return known
    }
  }

  function findValid(tenantId: string, version: number): HeldTenantKey | undefined {
    const known = held.get(tenantId, String(version))
    return known !== undefined && known.validUntilMs > clock() ? known : undefined
  }

  /** A row that comes late still ends keys. */
  function hearLate(reading: Promise<StoredTenantKey | undefined>, tenantId: string, version: number): void {
    reading.then(
      (row) => {
        if (row === undefined || row.isLocked) drop(tenantId, version)
      },
      (error: unknown) => {
        if (isKeyholdError(error, 'ERR_RECORD_NOT_AUTHENTIC')) evictTenant(tenantId)
      },
    )
  }

  function hold(entry: HeldTenantKey): void {
    const { tenantId, version } = entry.tenantKey
    const known = held.get(tenantId, String(version))
    if (known !== undefined && known !== entry) ended++
    held.set(tenantId, String(version), entry, entry.keyArn)
  }

  function refuseLocked(tenantId: string, version: number): never {
    drop(tenantId, version)
    throw new KeyholdError('ERR_TENANT_LOCKED')
  }

  function fetchOnce(tenantId: string, version: number): Promise<HeldTenantKey | undefined> {
    const name = nameOf(tenantId, version)
    if (isLocked(tenantId)) return Promise.reject(new KeyholdError('ERR_TENANT_LOCKED'))
    const refusal = refusals.get(name)
    if (refusal !== undefined && clock() < refusal.untilMs) return Promise.reject(refusal.error)
    return flights.share(name, (flight) => fetch(tenantId, version, flight), tenantId)
  }

  async function fetchOrKeep(entry: HeldTenantKey): Promise<HeldTenantKey | undefined> {
    try {
      return await fetchOnce(entry.tenantKey.tenantId, entry.tenantKey.version)
    } catch (error) {
      // A denial has evicted the entry by now; an outage has not.
      if (entry.validUntilMs > clock()) return entry
      throw error
    }
  }

  /** Whoever asks for the key has the database again, and may read a lock that nobody has told of. */
  function isReadTooLongAgo({ readAtMs, ttlMs }: HeldTenantKey, nowMs = clock()): boolean {
    return nowMs - readAtMs > ttlMs
  }

  function keepFresh(entry: HeldTenantKey, nowMs = clock()): void {
    if (nowMs <= entry.refreshAtMs) return
    const { tenantId, version } = entry.tenantKey
    // An outage during the early refresh changes nothing; a denial has evicted the entry by then.
    entry.refreshAtMs = nowMs + retryMs
    fetchOnce(tenantId, version).catch(() => undefined)
  }

  return {
    async get(tenantId, version, minRemainingShare = 0) {
      const entry = held.get(tenantId, String(version))
      if (entry === undefined || entry.validUntilMs <= clock()) {
        misses++
        return fetchOnce(tenantId, version)
      }
      hits++
      if (isReadTooLongAgo(entry)) {
        // The row is read before the KMS is asked, which may take longer than the row holds.
        const askedMs = clock()
        const fetched = await fetchOnce(tenantId, version)
        if (fetched !== undefined && isReadTooLongAgo(fetched, askedMs))
          throw new KeyholdError('ERR_DATABASE_UNAVAILABLE')
        return fetched
      }
      if (entry.validUntilMs - clock() < entry.ttlMs * minRemainingShare) return fetchOrKeep(entry)
      keepFresh(entry)
      return entry
    },
    keepFresh,
    counts: () => ({
      ...{ hits, misses, ended, maxEntries },
      ...{ entries: held.entries, evictedForRoom: held.evictedForRoom },
    }),
    evictDenied,
    evictTenant,
    heldTenants: () => held.tenantIds(),
    endAllWithinTtl() {
      const nowMs = clock()
      for (const entry of held.values()) {
        const leftMs = Math.min(entry.validUntilMs - nowMs, entry.ttlMs * random())
        entry.validUntilMs = nowMs + leftMs
        entry.refreshAtMs = Math.min(entry.refreshAtMs, nowMs + leftMs * refreshShare)
      }
    },
  }
}

function clamp(ms: number, { minMs, maxMs }: KeyTtl): number {
  return Math.min(Math.max(ms, minMs), maxMs)
}

/** Whether it takes longer than that. */
async function isLate(work: Promise<unknown>, withinMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, withinMs, true)
  })
  const inTime = work.then(
    () => false,
    () => false,
  )
  try {
    return await Promise.race([inTime, late])
  } finally {
    clearTimeout(timer)
  }
}

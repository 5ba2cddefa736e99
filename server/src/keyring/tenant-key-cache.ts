// Tenant keys in memory, each for as long as its KEK said yes a short while ago. This is where revocation bites: a
// denial evicts at once, an outage only lets the time run out, and nothing is ever held longer than the TTL.
import { isErrorOfKind, KeyholdError, type Kms, type TenantKey } from '@keyhold/core'
import { LRUCache } from 'lru-cache'
import { createSingleFlight, type Flight } from '../event-loop/single-flight.ts'
import type { Store } from '../store/store.ts'
import type { CacheCounts } from './cache-counts.ts'
import { findStoredTenantKey, unwrapTenantKey } from './open-tenant-key.ts'

/** A tenant key, valid until a monotonic time that moves on with every refresh and back with an eviction. */
export interface HeldTenantKey {
  readonly tenantKey: TenantKey
  readonly keyArn: string
  /** How long the tenant lets its keys be held. */
  ttlMs: number
  validUntilMs: number
  /** From then on the KMS is asked anew by whoever uses it. */
  refreshAtMs: number
}

/**
 * How long a key is held after the start of the KMS call that unwrapped it, in milliseconds; 0: not at all. A tenant may
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
  /** A monotonic clock in milliseconds. */
  clock: () => number
  /** From 0 to 1, below 1: spreads refreshes. */
  random?: () => number
  /** Told of every denial, also where nothing was held: other replicas may hold what this one does not. */
  onDenial?: (keyArn: string) => void
  /** Whether the tenant's administrator has locked it, as far as this replica has heard. Default: never. */
  isLocked?: (tenantId: string) => boolean
}

export interface TenantKeyCache {
  /**
   * Undefined: there is no such version, or it is destroyed. Throws what the KMS threw, `ERR_KEY_INTEGRITY`, or
   * `ERR_TENANT_LOCKED`.
   * When less than `minRemainingShare` (0 to 1) of a held key's time is left the KMS is asked first; if it is merely
   * away, the held key is answered all the same.
   */
  get(tenantId: string, version: number, minRemainingShare?: number): Promise<HeldTenantKey | undefined>
  /** For whoever uses a held key past `get`, as data keys do: asks the KMS anew, without waiting, when it is time. */
  keepFresh(entry: HeldTenantKey, nowMs?: number): void
  /** Ends what is held under a KEK, for all tenants or for one. */
  evictKeyArn(keyArn: string, tenantId?: string): void
  /** Ends what is held for a tenant, and lets nothing be held that was read before. */
  evictTenant(tenantId: string): void
  counts(): CacheCounts
}

// A key in use is asked for anew in the last fifth of its time, so that traffic does not wait for the KMS; somewhere in
// the first half of that fifth, so that keys that came together, as after a start, do not come together for ever.
const refreshShare = 0.8
const refreshSpread = 0.1

// After a refusal the KMS is left alone for a moment: the traffic of a locked tenant asks as often as it likes. Short,
// since a customer who has given access back looks at once; and never longer than a key would be held.
const refusalMs = 1_000
// The same for early refreshes that found the KMS away.
const retryMs = 1_000

interface Refusal {
  error: KeyholdError
  untilMs: number
}

export function createTenantKeyCache({
  store,
  kms,
  ttl,
  maxEntries,
  clock,
  random = Math.random,
  onDenial,
  isLocked = () => false,
}: TenantKeyCacheOptions): TenantKeyCache {
  const held = new LRUCache<string, HeldTenantKey>({
    max: maxEntries,
    // However an entry leaves: whoever still refers to it, as data keys do, sees it end as well.
    dispose: (entry, _name, reason) => {
      entry.validUntilMs = Number.NEGATIVE_INFINITY
      if (reason === 'evict') evictedForRoom++
      else ended++
    },
  })
  let hits = 0
  let misses = 0
  let evictedForRoom = 0
  let ended = 0
  const flights = createSingleFlight<HeldTenantKey | undefined>()
  const refusals = new LRUCache<string, Refusal>({ max: maxEntries })

  const nameOf = (tenantId: string, version: number) => `${tenantId}/${version}`

  function evictKeyArn(keyArn: string, tenantId?: string): void {
    for (const [name, entry] of [...held.entries()]) {
      if (entry.keyArn !== keyArn) continue
      if (tenantId === undefined || entry.tenantKey.tenantId === tenantId) held.delete(name)
    }
  }

  function evictTenant(tenantId: string): void {
    for (const [name, entry] of [...held.entries()]) {
      if (entry.tenantKey.tenantId === tenantId) held.delete(name)
    }
    flights.outdate(tenantId)
  }

  async function fetch(
    tenantId: string,
    version: number,
    flight: Flight,
  ): Promise<HeldTenantKey | undefined> {
    const name = nameOf(tenantId, version)
    const row = await findStoredTenantKey(store, tenantId, version)
    if (row === undefined) {
      held.delete(name)
      return undefined
    }
    // Read with the row: also a replica that has not heard of the lock yet takes no new key into memory.
    refuseLocked(name, row.isLocked)
    const startMs = clock()
    const ttlMs = clamp(row.keyCacheTtlMs ?? ttl.maxMs, ttl)
    try {
      const tenantKey = await unwrapTenantKey(kms, row)
      // The lock may have been set while the KMS was asked.
      refuseLocked(name, isLocked(tenantId))
      const known = held.get(name)
      // Another id under the same version: the tenant was deleted and made anew.
      const entry =
        known?.tenantKey.id === tenantKey.id
          ? known
          : { tenantKey, keyArn: row.keyArn, ttlMs, validUntilMs: startMs, refreshAtMs: startMs }
      refusals.delete(name)
      if (flight.isOutdated) return entry
      entry.ttlMs = ttlMs
      entry.validUntilMs = startMs + ttlMs
      entry.refreshAtMs = startMs + ttlMs * (refreshShare + refreshSpread * random())
      if (ttlMs > 0) held.set(name, entry)
      return entry
    } catch (error) {
      // A denial concerns the KEK, whatever tenant it wraps for.
      if (isErrorOfKind(error, 'denial')) {
        evictKeyArn(row.keyArn)
        onDenial?.(row.keyArn)
      }
      // Damage concerns one tenant. Others under the same KEK, as all are under the root key, must not pay for its row.
      if (isErrorOfKind(error, 'damage')) evictKeyArn(row.keyArn, tenantId)
      if (isErrorOfKind(error, 'denial', 'damage')) {
        refusals.set(name, { error, untilMs: startMs + Math.min(refusalMs, ttlMs) })
      }
      throw error
    }
  }

  function refuseLocked(name: string, isTenantLocked: boolean): void {
    if (!isTenantLocked) return
    held.delete(name)
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

  function keepFresh(entry: HeldTenantKey, nowMs = clock()): void {
    if (nowMs <= entry.refreshAtMs) return
    const { tenantId, version } = entry.tenantKey
    // An outage during the early refresh changes nothing; a denial has evicted the entry by then.
    entry.refreshAtMs = nowMs + retryMs
    fetchOnce(tenantId, version).catch(() => undefined)
  }

  return {
    async get(tenantId, version, minRemainingShare = 0) {
      const entry = held.get(nameOf(tenantId, version))
      if (entry === undefined || entry.validUntilMs <= clock()) {
        misses++
        return fetchOnce(tenantId, version)
      }
      hits++
      if (entry.validUntilMs - clock() < entry.ttlMs * minRemainingShare) return fetchOrKeep(entry)
      keepFresh(entry)
      return entry
    },
    keepFresh,
    counts: () => ({ hits, misses, evictedForRoom, ended, entries: held.size }),
    evictKeyArn,
    evictTenant,
  }
}

function clamp(ms: number, { minMs, maxMs }: KeyTtl): number {
  return Math.min(Math.max(ms, minMs), maxMs)
}

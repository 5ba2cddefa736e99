// Data keys in memory. An entry ends with the tenant key entry that opened it, and one TTL of the tenant after its
// cipherkey was read. The cipherkey is read again by then: ahead of it while the key is in use, so that a database which is away
// for a while ends no key that is. So a migration moves every reader to the new tenant key, a version
// below the minimum is used no more, and a replica that missed a notification does not go on with a destroyed key.
import { isErrorOfKind, isKeyholdError, KeyholdError } from '@keyhold/core'
import { LRUCache } from 'lru-cache'
import { createSingleFlight, type Flight } from '../event-loop/single-flight.ts'
import type { Actor } from '../store/audits.ts'
import type { CipherkeyRow, UsableCipherkeyRow } from '../store/cipherkeys/cipherkeys.ts'
import { isDatabaseUnavailable } from '../store/database.ts'
import type { Store } from '../store/store.ts'
import type { CacheCounts } from './cache-counts.ts'
import { createNextVersion } from './create-data-key.ts'
import { openCipherkey, type NamedDataKey } from './open-cipherkey.ts'
import { openPrevious } from './open-previous.ts'
import { createPerTenantCache } from './per-tenant-cache.ts'
import { createReadCipherkeys } from './read-cipherkeys.ts'
import type { HeldTenantKey, TenantKeyCache } from './tenant-key-cache.ts'

interface HeldDataKey {
  dataKey: NamedDataKey
  wrappedBy: HeldTenantKey
  validUntilMs: number
  /** From then on, the next use reads it again. */
  refreshAtMs: number
}

// In the second half of its time a key in use is read again: a database that is away for 0.4 of the TTL, 24 s by default, ends
// none of them. The moment is spread, since keys are read together after a start.
const refreshShare = 0.5
const refreshSpread = 0.1
// After a reading that the database did not answer no key of the tenant is read ahead for a moment, and never more than a few at a
// time: requests that wait for the database come first. What one tenant meets stops no other one.
const retryMs = 1_000
const maxReadingAhead = 32
const maxReadingAheadOfTenant = 8
const maxPaused = 10_000

const namePrefix = 'name/'

export interface DataKeyCacheOptions {
  store: Store
  tenantKeys: TenantKeyCache
  maxEntries: number
  /** A data key takes up to two entries, one by its id and one by its name. */
  maxEntriesPerTenant: number
  /** A monotonic clock in milliseconds. */
  clock: () => number
  /** From 0 to below 1: it spreads the readings. */
  random?: () => number
  maxKeyNames: number
  /** After this time a data key encrypts no more, and its name gets a new version. It still decrypts. */
  maxDataKeyAgeMs: number
}

export interface DataKeyCache {
  /** `get` for a key that is held already. */
  findHeld(tenantId: string, dataKeyId: string, version: number): NamedDataKey | undefined
  /** `getActive` for a key that is held already. */
  findHeldActive(tenantId: string, keyName: string): NamedDataKey | undefined
  /**
   * Undefined: the tenant has no such data key. Throws `ERR_KEY_VERSION_RETIRED` below the minimum version,
   * `ERR_KEY_INTEGRITY`, and the errors of the tenant's KMS.
   */
  get(tenantId: string, dataKeyId: string, version: number): Promise<NamedDataKey | undefined>
  /** The active data key of a name, made and committed if there is none. Also throws `ERR_KEY_NAME_QUOTA`. */
  getActive(tenantId: string, keyName: string): Promise<NamedDataKey>
  /** Makes a new version of a name's data key now. Undefined: the tenant has no such name. */
  rotate(tenantId: string, keyName: string, actor: Actor): Promise<CipherkeyRow | undefined>
  /**
   * The id of the data key that has this name, as its wrap proves; undefined: nobody can tell now, or the tenant has no such
   * name. Throws `ERR_KEY_INTEGRITY` when the data key has another name, or does not open.
   */
  proveName(tenantId: string, keyName: string): Promise<string | undefined>
  /** Ends the entries of a data key, all its versions: it is read again. */
  evict(tenantId: string, dataKeyId: string): void
  /** Ends all entries of a tenant. */
  evictTenant(tenantId: string): void
  counts(): CacheCounts
}

interface Reading {
  read: () => Promise<UsableCipherkeyRow | undefined>
  encrypts: boolean
}

export function createDataKeyCache({
  maxEntries,
  maxEntriesPerTenant,
  clock,
  random = Math.random,
  ...parts
}: DataKeyCacheOptions): DataKeyCache {
  const { store, tenantKeys } = parts
  const held = createPerTenantCache<HeldDataKey>({
    maxEntries,
    maxEntriesPerTenant,
    isValid: (entry) => isValid(entry, clock()),
  })
  const flights = createSingleFlight<NamedDataKey | undefined>()
  let readingAhead = 0
  const readingAheadOf = new Map<string, number>()
  const readAheadFromMs = new LRUCache<string, number>({ maxSize: maxPaused, sizeCalculation: () => 1 })
  let hits = 0
  let misses = 0
  let ended = 0
  const cipherkeys = createReadCipherkeys({ ...parts, clock })

  // The kind comes first in the names of a tenant's entries, so that no key name looks like the id of a data key.
  const nameById = (dataKeyId: string, version: number) => `id/${dataKeyId}/${version}`
  const nameByKeyName = (keyName: string) => `${namePrefix}${keyName}`
  const groupOf = (tenantId: string, dataKeyId: string) => `${tenantId}/${dataKeyId}`

  function findHeld(tenantId: string, name: string): NamedDataKey | undefined {
    const entry = held.get(tenantId, name)
    if (entry === undefined) return undefined
    const nowMs = clock()
    if (!isValid(entry, nowMs)) {
      held.delete(tenantId, name)
      return undefined
    }
    tenantKeys.keepFresh(entry.wrappedBy, nowMs)
    if (nowMs > entry.refreshAtMs && mayReadAhead(tenantId, nowMs)) readAhead(name, entry, nowMs)
    hits++
    return entry.dataKey
  }

  function mayReadAhead(tenantId: string, nowMs: number): boolean {
    return (
      readingAhead < maxReadingAhead &&
      (readingAheadOf.get(tenantId) ?? 0) < maxReadingAheadOfTenant &&
      nowMs >= (readAheadFromMs.get(tenantId) ?? Number.NEGATIVE_INFINITY)
    )
  }

  function countReading(tenantId: string, by: 1 | -1): void {
    readingAhead += by
    const its = (readingAheadOf.get(tenantId) ?? 0) + by
    if (its === 0) readingAheadOf.delete(tenantId)
    else readingAheadOf.set(tenantId, its)
  }

  /** An outage changes nothing. Where the key must not be used any more, its entry ends, and the next caller learns why. */
  function readAhead(name: string, entry: HeldDataKey, nowMs: number): void {
    entry.refreshAtMs = nowMs + retryMs
    const { tenantId, id: dataKeyId, version } = entry.dataKey
    const keyName = name.startsWith(namePrefix) ? name.slice(namePrefix.length) : undefined
    const reading: Reading =
      keyName === undefined
        ? { read: () => cipherkeys.find(tenantId, { dataKeyId, version }), encrypts: false }
        : { read: () => cipherkeys.getActive(tenantId, keyName), encrypts: true }
    const drop = () => {
      if (held.get(tenantId, name) === entry) held.delete(tenantId, name)
    }
    countReading(tenantId, 1)
    share(tenantId, name, reading)
      .then(
        (found) => {
          if (found === undefined) drop()
        },
        (error: unknown) => {
          if (isDatabaseUnavailable(error)) readAheadFromMs.set(tenantId, clock() + retryMs)
          else if (!isErrorOfKind(error, 'outage')) drop()
        },
      )
      .finally(() => {
        countReading(tenantId, -1)
      })
  }

  async function open(
    { read, encrypts }: Reading,
    name: string,
    flight: Flight,
  ): Promise<NamedDataKey | undefined> {
    const opened = await openCipherkey({ tenantKeys, clock, macs: store.macs }, read, { encrypts })
    if (opened === undefined) return undefined
    const { dataKey, wrappedBy, validUntilMs } = opened
    const nowMs = clock()
    if (validUntilMs > nowMs && !flight.isOutdated) {
      const refreshAtMs = nowMs + (validUntilMs - nowMs) * (refreshShare + refreshSpread * random())
      const entry = { dataKey, wrappedBy, validUntilMs, refreshAtMs }
      const group = groupOf(dataKey.tenantId, dataKey.id)
      held.set(dataKey.tenantId, name, entry, group)
      held.set(dataKey.tenantId, nameById(dataKey.id, dataKey.version), entry, group)
    }
    return dataKey
  }

  function once(tenantId: string, name: string, reading: Reading): Promise<NamedDataKey | undefined> {
    misses++
    return share(tenantId, name, reading)
  }

  function share(tenantId: string, name: string, reading: Reading): Promise<NamedDataKey | undefined> {
    return flights.share(`${tenantId}/${name}`, (flight) => open(reading, name, flight), tenantId)
  }

  return {
    findHeld: (tenantId, dataKeyId, version) => findHeld(tenantId, nameById(dataKeyId, version)),
    findHeldActive: (tenantId, keyName) => findHeld(tenantId, nameByKeyName(keyName)),

    async get(tenantId, dataKeyId, version) {
      const name = nameById(dataKeyId, version)
      const read = () => cipherkeys.find(tenantId, { dataKeyId, version })
      return findHeld(tenantId, name) ?? once(tenantId, name, { read, encrypts: false })
    },

    async getActive(tenantId, keyName) {
      const name = nameByKeyName(keyName)
      const read = () => cipherkeys.getActive(tenantId, keyName)
      const dataKey = findHeld(tenantId, name) ?? (await once(tenantId, name, { read, encrypts: true }))
      if (dataKey === undefined) throw new KeyholdError('ERR_INTERNAL')
      return dataKey
    },

    async rotate(tenantId, keyName, actor) {
      const previous = await openPrevious({ store, tenantKeys, clock }, tenantId, keyName)
      return previous && createNextVersion(parts, previous, actor)
    },

    async proveName(tenantId, keyName) {
      const options = { mayBeRetired: true }
      try {
        return (await openPrevious({ store, tenantKeys, clock }, tenantId, keyName, options))?.dataKeyId
      } catch (error) {
        // A KMS that refuses, or does not answer now, says nothing about a name.
        if (isKeyholdError(error) && error.code !== 'ERR_KEY_INTEGRITY') return undefined
        throw error
      }
    },

    evict(tenantId, dataKeyId) {
      ended += held.deleteGroup(groupOf(tenantId, dataKeyId))
      flights.outdate(tenantId)
    },

    evictTenant(tenantId) {
      ended += held.deleteTenant(tenantId)
      flights.outdate(tenantId)
    },

    counts: () => ({
      ...{ hits, misses, ended, maxEntries },
      ...{ entries: held.entries, evictedForRoom: held.evictedForRoom },
    }),
  }
}

function isValid({ validUntilMs, wrappedBy }: HeldDataKey, nowMs: number): boolean {
  return nowMs < validUntilMs && nowMs < wrappedBy.validUntilMs
}

// Data keys in memory. An entry never outlives the tenant key entry that opened it, nor its own TTL: within that,
// the cipherkey is read again, so that a migration moves every reader to the new tenant key.
import { KeyholdError, type DataKey } from '@keyhold/core'
import type { CipherkeyRow } from '../store/cipherkeys.ts'
import type { Store } from '../store/store.ts'
import { createDataKey } from './create-data-key.ts'
import { openCipherkey } from './open-cipherkey.ts'
import { createPerTenantCache } from './per-tenant-cache.ts'
import type { HeldTenantKey, TenantKeyCache } from './tenant-key-cache.ts'

interface HeldDataKey {
  dataKey: DataKey
  wrappedBy: HeldTenantKey
  validUntilMs: number
}

export interface DataKeyCacheOptions {
  store: Store
  tenantKeys: TenantKeyCache
  ttlMs: number
  maxEntries: number
  /** A data key takes up to two entries, one by its id and one by its name. */
  maxEntriesPerTenant: number
  /** A monotonic clock in milliseconds. */
  clock: () => number
  maxKeyNames: number
  /** After this time a data key encrypts no more, and its name gets a new version; it decrypts for ever. */
  maxDataKeyAgeMs: number
}

export interface DataKeyCache {
  /** Undefined: the tenant has no such data key. Throws `ERR_KEY_INTEGRITY`, and what the tenant's KMS throws. */
  get(tenantId: string, dataKeyId: string, version: number): Promise<DataKey | undefined>
  /** The active data key of a name, made and committed if there is none. */
  getActive(tenantId: string, keyName: string): Promise<DataKey>
}

export function createDataKeyCache({
  store,
  tenantKeys,
  ttlMs,
  maxEntries,
  maxEntriesPerTenant,
  clock,
  maxKeyNames,
  maxDataKeyAgeMs,
}: DataKeyCacheOptions): DataKeyCache {
  const held = createPerTenantCache<HeldDataKey>({ maxEntries, maxEntriesPerTenant })
  const inFlight = new Map<string, Promise<DataKey | undefined>>()

  // Names of one tenant: ids of data keys have a form that no key name can be mistaken for, as the kind comes first.
  const nameById = (dataKeyId: string, version: number) => `id/${dataKeyId}/${version}`
  const nameByKeyName = (keyName: string) => `name/${keyName}`

  function findHeld(tenantId: string, name: string): DataKey | undefined {
    const entry = held.get(tenantId, name)
    if (entry === undefined) return undefined
    const nowMs = clock()
    if (nowMs >= entry.validUntilMs || nowMs >= entry.wrappedBy.validUntilMs) {
      held.delete(tenantId, name)
      return undefined
    }
    tenantKeys.keepFresh(entry.wrappedBy)
    return entry.dataKey
  }

  async function openRow(
    read: () => Promise<CipherkeyRow | undefined>,
    name: string,
  ): Promise<DataKey | undefined> {
    const opened = await openCipherkey({ tenantKeys, clock }, read)
    if (opened === undefined) return undefined
    const { dataKey, wrappedBy, readAtMs } = opened
    if (ttlMs > 0) {
      const entry = { dataKey, wrappedBy, validUntilMs: readAtMs + ttlMs }
      held.set(dataKey.tenantId, name, entry)
      held.set(dataKey.tenantId, nameById(dataKey.id, dataKey.version), entry)
    }
    return dataKey
  }

  function once(
    tenantId: string,
    name: string,
    fetch: () => Promise<DataKey | undefined>,
  ): Promise<DataKey | undefined> {
    const flightName = `${tenantId}/${name}`
    let flight = inFlight.get(flightName)
    if (flight === undefined) {
      flight = fetch().finally(() => inFlight.delete(flightName))
      inFlight.set(flightName, flight)
    }
    return flight
  }

  return {
    async get(tenantId, dataKeyId, version) {
      const name = nameById(dataKeyId, version)
      return (
        findHeld(tenantId, name) ??
        once(tenantId, name, () => openRow(() => store.cipherkeys.find(tenantId, dataKeyId, version), name))
      )
    },

    async getActive(tenantId, keyName) {
      const name = nameByKeyName(keyName)
      const readOrCreate = async () => {
        const active = await store.cipherkeys.findActive(tenantId, keyName)
        const ageMs =
          active === undefined ? Number.POSITIVE_INFINITY : Date.now() - active.createdAt.getTime()
        if (active !== undefined && ageMs < maxDataKeyAgeMs) return active
        return createDataKey({ store, tenantKeys, maxKeyNames }, tenantId, keyName, active)
      }
      const dataKey =
        findHeld(tenantId, name) ?? (await once(tenantId, name, () => openRow(readOrCreate, name)))
      if (dataKey === undefined) throw new KeyholdError('ERR_INTERNAL')
      return dataKey
    },
  }
}

// Data keys in memory. An entry never outlives the tenant key entry that opened it, nor its own TTL: within that,
// the cipherkey is read again, so that a migration moves every reader to the new tenant key.
import { KeyholdError, type DataKey } from '@keyhold/core'
import { LRUCache } from 'lru-cache'
import type { CipherkeyRow } from '../store/cipherkeys.ts'
import type { Store } from '../store/store.ts'
import { createDataKey } from './create-data-key.ts'
import { openCipherkey } from './open-cipherkey.ts'
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
  clock,
  maxKeyNames,
  maxDataKeyAgeMs,
}: DataKeyCacheOptions): DataKeyCache {
  const held = new LRUCache<string, HeldDataKey>({ max: maxEntries })
  const inFlight = new Map<string, Promise<DataKey | undefined>>()

  // Tenant ids and key names have no slash; ids of data keys have a form that no key name can be mistaken for here,
  // since the kind comes first.
  const nameById = (tenantId: string, dataKeyId: string, version: number) =>
    `id/${tenantId}/${dataKeyId}/${version}`
  const nameByKeyName = (tenantId: string, keyName: string) => `name/${tenantId}/${keyName}`

  function findHeld(name: string): DataKey | undefined {
    const entry = held.get(name)
    if (entry === undefined) return undefined
    const nowMs = clock()
    if (nowMs >= entry.validUntilMs || nowMs >= entry.wrappedBy.validUntilMs) {
      held.delete(name)
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
      held.set(name, entry)
      held.set(nameById(dataKey.tenantId, dataKey.id, dataKey.version), entry)
    }
    return dataKey
  }

  function once(name: string, fetch: () => Promise<DataKey | undefined>): Promise<DataKey | undefined> {
    let flight = inFlight.get(name)
    if (flight === undefined) {
      flight = fetch().finally(() => inFlight.delete(name))
      inFlight.set(name, flight)
    }
    return flight
  }

  return {
    async get(tenantId, dataKeyId, version) {
      const name = nameById(tenantId, dataKeyId, version)
      return (
        findHeld(name) ??
        once(name, () => openRow(() => store.cipherkeys.find(tenantId, dataKeyId, version), name))
      )
    },

    async getActive(tenantId, keyName) {
      const name = nameByKeyName(tenantId, keyName)
      const readOrCreate = async () => {
        const active = await store.cipherkeys.findActive(tenantId, keyName)
        const ageMs =
          active === undefined ? Number.POSITIVE_INFINITY : Date.now() - active.createdAt.getTime()
        if (active !== undefined && ageMs < maxDataKeyAgeMs) return active
        return createDataKey({ store, tenantKeys, maxKeyNames }, tenantId, keyName, active)
      }
      const dataKey = findHeld(name) ?? (await once(name, () => openRow(readOrCreate, name)))
      if (dataKey === undefined) throw new KeyholdError('ERR_INTERNAL')
      return dataKey
    },
  }
}

// Leases: the right of an SDK to hold a data key's plaintext for a while. A lease ends no later than the tenant key's
// entry from which it comes, so that an SDK learns of a revocation as soon as this server does.
import { KeyholdError, type DataKey } from '@keyhold/core'
import type { CipherkeyRow } from '../store/cipherkeys.ts'
import type { Store } from '../store/store.ts'
import { createDataKey } from './create-data-key.ts'
import { openCipherkey } from './open-cipherkey.ts'
import type { TenantKeyCache } from './tenant-key-cache.ts'

export interface Lease {
  dataKey: DataKey
  /** From now on; 0: for the one operation at hand. */
  remainingMs: number
}

export interface DataKeyLeasesOptions {
  store: Store
  tenantKeys: TenantKeyCache
  ttlMs: number
  /** A monotonic clock in milliseconds. */
  clock: () => number
  maxKeyNames: number
}

export interface DataKeyLeases {
  /** Leases a new data key, made and committed first, that nobody else gets. */
  create(tenantId: string): Promise<Lease>
  /** Leases a data key again; undefined when the tenant has no such key. */
  renew(tenantId: string, dataKeyId: string, version: number): Promise<Lease | undefined>
  /** Leases the one key of a blind index, made and committed if there is none. */
  leaseBlindIndexKey(tenantId: string, keyName: string): Promise<Lease>
}

// No name of a data key for encryption has a colon, so the two never meet.
const blindIndexPrefix = 'blind-index:'

// A lease with little time left would be renewed at once. Two calls of the KMS for each TTL are the price.
const minRemainingShare = 0.5

export function createDataKeyLeases(options: DataKeyLeasesOptions): DataKeyLeases {
  const { store, tenantKeys, ttlMs, clock, maxKeyNames } = options

  async function lease(read: () => Promise<CipherkeyRow | undefined>): Promise<Lease | undefined> {
    const opened = await openCipherkey({ tenantKeys, clock }, read, ttlMs * minRemainingShare)
    if (opened === undefined) return undefined
    const endMs = Math.min(opened.readAtMs + ttlMs, opened.wrappedBy.validUntilMs)
    return { dataKey: opened.dataKey, remainingMs: Math.max(0, endMs - clock()) }
  }

  return {
    async create(tenantId) {
      return present(
        await lease(() => createDataKey({ store, tenantKeys, maxKeyNames }, tenantId, undefined)),
      )
    },

    async renew(tenantId, dataKeyId, version) {
      // Whoever can compute an index must not be able to encrypt under its key as well.
      const keyName = await store.cipherkeys.findKeyName(tenantId, dataKeyId)
      if (keyName?.startsWith(blindIndexPrefix) === true) return undefined
      return lease(() => store.cipherkeys.find(tenantId, dataKeyId, version))
    },

    async leaseBlindIndexKey(tenantId, keyName) {
      const name = `${blindIndexPrefix}${keyName}`
      const readOrCreate = async () =>
        (await store.cipherkeys.findActive(tenantId, name)) ??
        (await createDataKey({ store, tenantKeys, maxKeyNames }, tenantId, name))
      return present(await lease(readOrCreate))
    },
  }
}

function present(lease: Lease | undefined): Lease {
  if (lease === undefined) throw new KeyholdError('ERR_INTERNAL')
  return lease
}

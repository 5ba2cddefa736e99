// Leases: the right of an SDK to hold the plaintext of a data key for a while. A lease ends no later than the entry of the
// tenant key from which it comes, so that a revocation reaches an SDK as soon as this server.
import { KeyholdError, type DataKey } from '@keyhold/core'
import type { UsableCipherkeyRow } from '../store/cipherkeys/cipherkeys.ts'
import type { Store } from '../store/store.ts'
import { blindIndexName, blindIndexPrefix } from './blind-index-name.ts'
import { gather } from '../event-loop/gather.ts'
import { createUnnamedDataKeys } from './create-data-key.ts'
import { openCipherkey } from './open-cipherkey.ts'
import { createReadCipherkeys } from './read-cipherkeys.ts'
import type { TenantKeyCache } from './tenant-key-cache.ts'

export interface Lease {
  dataKey: DataKey
  /** From now on; 0: for one operation alone. */
  remainingMs: number
}

export interface DataKeyLeasesOptions {
  store: Store
  tenantKeys: TenantKeyCache
  /** A monotonic clock in milliseconds. */
  clock: () => number
  maxKeyNames: number
}

export interface DataKeyLeases {
  /** Makes and commits a new data key and leases it to this caller alone. */
  create(tenantId: string): Promise<Lease>
  /** Leases a data key again; undefined when the tenant has no such key. Throws `ERR_KEY_VERSION_RETIRED`. */
  renew(tenantId: string, dataKeyId: string, version: number): Promise<Lease | undefined>
  /** Leases the one key of a blind index, made and committed if there is none. */
  leaseBlindIndexKey(tenantId: string, keyName: string): Promise<Lease>
}

// A lease with little time left would be renewed at once. This costs up to two calls of the KMS for each TTL.
const minRemainingShare = 0.5

export function createDataKeyLeases(options: DataKeyLeasesOptions): DataKeyLeases {
  const { store, tenantKeys, clock } = options
  // The index of a value must not change, so the key of a blind index has no age.
  const cipherkeys = createReadCipherkeys({ ...options, maxDataKeyAgeMs: Number.POSITIVE_INFINITY })

  // Callers that come while data keys are made share the next transaction, and so one connection.
  const createUnnamed = gather<undefined, UsableCipherkeyRow>((tenantId, asked) =>
    createUnnamedDataKeys({ store, tenantKeys }, tenantId, asked.length),
  )

  async function lease(read: () => Promise<UsableCipherkeyRow | undefined>): Promise<Lease | undefined> {
    const opened = await openCipherkey({ tenantKeys, clock }, read, minRemainingShare)
    if (opened === undefined) return undefined
    const endMs = Math.min(opened.validUntilMs, opened.wrappedBy.validUntilMs)
    return { dataKey: opened.dataKey, remainingMs: Math.max(0, endMs - clock()) }
  }

  return {
    async create(tenantId) {
      return present(await lease(() => createUnnamed(tenantId, undefined)))
    },

    async renew(tenantId, dataKeyId, version) {
      // A caller that can compute an index must not be able to encrypt under its key as well.
      const keyName = await store.cipherkeys.findKeyName(tenantId, dataKeyId)
      if (keyName?.startsWith(blindIndexPrefix) === true) return undefined
      return lease(() => cipherkeys.find(tenantId, { dataKeyId, version }))
    },

    async leaseBlindIndexKey(tenantId, keyName) {
      return present(await lease(() => cipherkeys.getActive(tenantId, blindIndexName(keyName))))
    },
  }
}

function present(lease: Lease | undefined): Lease {
  if (lease === undefined) throw new KeyholdError('ERR_INTERNAL')
  return lease
}

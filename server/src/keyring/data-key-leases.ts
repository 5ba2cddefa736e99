// Leases: the right of an SDK to hold the plaintext of a data key for a while. A lease ends no later than the entry of the
// tenant key from which it comes, so that a revocation reaches an SDK as soon as this server.
import { KeyholdError } from '@keyhold/core'
import type { UsableCipherkeyRow } from '../store/cipherkeys/cipherkeys.ts'
import type { Store } from '../store/store.ts'
import { blindIndexName, blindIndexPrefix } from './blind-index-name.ts'
import { leaseKeyName } from './lease-key-name.ts'
import { createLeaseQuota } from './lease-quota.ts'
import { openCipherkey, type NamedDataKey } from './open-cipherkey.ts'
import { createReadCipherkeys } from './read-cipherkeys.ts'
import type { TenantKeyCache } from './tenant-key-cache.ts'

export interface Lease {
  dataKey: NamedDataKey
  /** From now on; 0: for one operation alone. */
  remainingMs: number
}

export interface DataKeyLeasesOptions {
  store: Store
  tenantKeys: TenantKeyCache
  /** A monotonic clock in milliseconds. */
  clock: () => number
  maxKeyNames: number
  /** How many leases of a tenant run at a time. */
  maxLeases: number
}

/** All throw `ERR_LEASE_QUOTA`, and the errors of the tenant's KMS. */
export interface DataKeyLeases {
  /** Leases the data key under which the tenant's programs encrypt today, made and committed if there is none. */
  create(tenantId: string): Promise<Lease>
  /** Leases a data key again; undefined when the tenant has no such key. Throws `ERR_KEY_VERSION_RETIRED`. */
  renew(tenantId: string, dataKeyId: string, version: number): Promise<Lease | undefined>
  /** Leases the one key of a blind index, made and committed if there is none. */
  leaseBlindIndexKey(tenantId: string, keyName: string): Promise<Lease>
}

// A lease with little time left would be renewed at once. This costs up to two calls of the KMS for each TTL.
const minRemainingShare = 0.5
// How long programs encrypt under one version. A tenant with leases all the time has one more row for each.
const leaseKeyMaxAgeMs = 86_400_000

export function createDataKeyLeases(options: DataKeyLeasesOptions): DataKeyLeases {
  const { store, tenantKeys, clock } = options
  const leaseKeys = createReadCipherkeys({ ...options, maxDataKeyAgeMs: leaseKeyMaxAgeMs })
  // The index of a value must not change, so the key of a blind index has no age.
  const cipherkeys = createReadCipherkeys({ ...options, maxDataKeyAgeMs: Number.POSITIVE_INFINITY })

  const quota = createLeaseQuota(options.maxLeases, clock)

  function lease(
    tenantId: string,
    read: () => Promise<UsableCipherkeyRow | undefined>,
    options: { encrypts?: boolean } = {},
  ): Promise<Lease | undefined> {
    return quota.within(tenantId, () => open(read, options))
  }

  async function open(
    read: () => Promise<UsableCipherkeyRow | undefined>,
    options: { encrypts?: boolean },
  ): Promise<Lease | undefined> {
    const parts = { tenantKeys, clock, macs: store.macs }
    const opened = await openCipherkey(parts, read, { ...options, minRemainingShare })
    if (opened === undefined) return undefined
    const endMs = Math.min(opened.validUntilMs, opened.wrappedBy.validUntilMs)
    return { dataKey: opened.dataKey, remainingMs: Math.max(0, endMs - clock()) }
  }

  return {
    async create(tenantId) {
      const read = () => leaseKeys.getActive(tenantId, leaseKeyName)
      return present(await lease(tenantId, read, { encrypts: true }))
    },

    async renew(tenantId, dataKeyId, version) {
      const found = await lease(tenantId, () => cipherkeys.find(tenantId, { dataKeyId, version }))
      // A caller that can compute an index must not be able to encrypt under its key as well.
      return found?.dataKey.keyName?.startsWith(blindIndexPrefix) === true ? undefined : found
    },

    async leaseBlindIndexKey(tenantId, keyName) {
      const read = () => cipherkeys.getActive(tenantId, blindIndexName(keyName))
      return present(await lease(tenantId, read, { encrypts: true }))
    },
  }
}

function present(lease: Lease | undefined): Lease {
  if (lease === undefined) throw new KeyholdError('ERR_INTERNAL')
  return lease
}

// The data keys that a client holds. Each tenant has one for encryption, which the server chooses with each lease, and those
// of the tokens and files that are decrypted.
import type { KeyObject } from 'node:crypto'
import type { KeyholdCall } from '../call-types.ts'
import { LeaseCache, type Fetched, type Lease, type LeaseCacheOptions } from './lease-cache.ts'
import { badReply, readBlindIndexKey, readDataKeyLease, type LeasedKey } from './read-lease.ts'

/** The leases of a whole client. */
export interface LeaseStore {
  dataKeys: LeaseCache<LeasedKey>
  blindIndexKeys: LeaseCache<KeyObject>
}

export function createLeaseStore(options: LeaseCacheOptions): LeaseStore {
  return { dataKeys: new LeaseCache(options), blindIndexKeys: new LeaseCache(options) }
}

/** The leases of one tenant. */
export interface DataKeyLeases {
  /** The data key for encryption. */
  forEncryption(signal?: AbortSignal): Promise<Lease<LeasedKey>>
  /**
   * The data key that a header names.
   *
   * @throws KeyholdApiError `ERR_DECRYPTION_FAILED` when the tenant has no such key
   */
  forHeader(header: Buffer, signal?: AbortSignal): Promise<Lease<LeasedKey>>
  /** For long operations: asks the server again once the lease is over. A lease for one operation stays as it is. */
  prolong(lease: Lease<LeasedKey>, signal?: AbortSignal): Promise<Lease<LeasedKey>>
  blindIndexKey(keyName: string, signal?: AbortSignal): Promise<KeyObject>
}

export function createDataKeyLeases(
  { dataKeys, blindIndexKeys }: LeaseStore,
  tenantId: string | undefined,
  call: KeyholdCall,
): DataKeyLeases {
  // Ids of tenants have no spaces.
  const tenant = tenantId ?? ''
  const current = `${tenant} current`
  const oneOperation = new WeakSet<Lease<LeasedKey>>()

  async function unwrap(header: string): Promise<Fetched<LeasedKey>> {
    const { body } = await call('unwrapDataKey', { body: { header } })
    const fetched = readDataKeyLease(body, tenantId)
    if (fetched.key.header.toString('base64') !== header) throw badReply()
    return fetched
  }

  // The server answers the same data key for a day, to all programs of the tenant, unless somebody has ended it.
  async function leaseForEncryption(): Promise<Fetched<LeasedKey>> {
    const { body } = await call('createDataKeyLease', { body: {} })
    return readDataKeyLease(body, tenantId)
  }

  function marked(lease: Lease<LeasedKey>): Lease<LeasedKey> {
    if (!dataKeys.isRunning(lease)) oneOperation.add(lease)
    return lease
  }

  const leases: DataKeyLeases = {
    forEncryption: async (signal) => marked(await dataKeys.get(current, leaseForEncryption, signal)),

    async forHeader(header, signal) {
      const own = dataKeys.find(current)
      if (own?.key.header.equals(header) === true) return own
      const text = header.toString('base64')
      return marked(await dataKeys.get(`${tenant} ${text}`, () => unwrap(text), signal))
    },

    async prolong(lease, signal) {
      if (dataKeys.isRunning(lease) || oneOperation.has(lease)) return lease
      const renewed = await leases.forHeader(lease.key.header, signal)
      // A renewed lease ends with its time, however short that is.
      oneOperation.delete(renewed)
      return renewed
    },

    async blindIndexKey(keyName, signal) {
      const fetch = async (): Promise<Fetched<KeyObject>> => {
        const { body } = await call('getBlindIndexKey', { body: { keyName } })
        return readBlindIndexKey(body, tenantId)
      }
      return (await blindIndexKeys.get(`${tenant} ${keyName}`, fetch, signal)).key
    },
  }
  return leases
}

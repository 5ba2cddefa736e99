// Lists the versions of the data key for local encryption, page by page.
import { leaseKeyName } from '../keyring/lease-key-name.ts'
import type { DataKeyVersionRow } from '../store/cipherkeys/data-keys.ts'
import type { Store } from '../store/store.ts'

export type LeaseKeyVersion = DataKeyVersionRow & { dataKeyId: string }

export interface LeaseKeyPage {
  /** The newest first; none if the tenant has never leased one. */
  leaseKeys: LeaseKeyVersion[]
  /** Where the next page begins; undefined on the last one. */
  before: number | undefined
}

/** @param page - `before`: the last version of the page before; `limit`: 1 and up */
export async function listLeaseKeys(
  store: Store,
  tenantId: string,
  { before, limit }: { before?: number | undefined; limit: number },
): Promise<LeaseKeyPage> {
  // One more than asked for tells whether there is another page.
  const rows = await store.dataKeys.listVersions(tenantId, leaseKeyName, { before, limit: limit + 1 })
  const leaseKeys = rows.slice(0, limit)
  return { leaseKeys, before: rows.length > limit ? leaseKeys.at(-1)?.version : undefined }
}

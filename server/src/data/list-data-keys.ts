// Lists the named data keys of a tenant, page by page. It leaves out the keys of blind indexes, which have one version for
// ever and with which nothing can be done, and that of leases, which has a list of its own.
import type { DataKeyRow } from '../store/cipherkeys/data-keys.ts'
import type { Store } from '../store/store.ts'

export interface DataKeyPage {
  dataKeys: DataKeyRow[]
  /** Where the next page begins; undefined on the last one. */
  after: string | undefined
}

/** @param page - `after`: the last key name of the page before; `limit`: 1 and up */
export async function listDataKeys(
  store: Store,
  tenantId: string,
  { after = '', limit }: { after?: string | undefined; limit: number },
): Promise<DataKeyPage> {
  // One more than asked for tells whether there is another page.
  const rows = await store.dataKeys.list(tenantId, { after, limit: limit + 1 })
  const dataKeys = rows.slice(0, limit)
  return { dataKeys, after: rows.length > limit ? dataKeys.at(-1)?.keyName : undefined }
}

// Lists the named data keys of a tenant, page by page. It leaves out the keys of blind indexes: they have one version
// for ever, and nothing can be done with them.
import { blindIndexPrefix } from '../keyring/blind-index-name.ts'
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
  const rows = await store.dataKeys.list(tenantId, { prefix: blindIndexPrefix, after, limit: limit + 1 })
  const dataKeys = rows.slice(0, limit)
  return { dataKeys, after: rows.length > limit ? dataKeys.at(-1)?.keyName : undefined }
}

// Minimum versions that the states of cipherkeys tell, when they are adopted. Until then the states decide, since replicas of the
// version before write them alone. Nothing is ever lowered by them: no MAC covers a state, and whoever can write to the database
// could take a minimum away that an administrator has set.
import { sql } from 'kysely'
import type { Database } from '../database.ts'
import type { CipherkeyPosition } from './cipherkey-position.ts'

// A page of this size is read in a few milliseconds.
const pageRows = 10_000

export interface RetiredPage {
  /** Data keys whose states may tell of a higher minimum than the one that is stored. */
  dataKeyIds: string[]
  /** Undefined: it is the last page. */
  next: CipherkeyPosition | undefined
}

/**
 * Looks through one page of a tenant's cipherkeys. It needs no fence: whoever writes looks at what it finds again.
 *
 * @param after - the end of the page before; undefined: the first one
 */
export async function findRetired(
  db: Database,
  tenantId: string,
  after: CipherkeyPosition | undefined,
): Promise<RetiredPage> {
  const rest =
    after === undefined
      ? sql`true`
      : sql`(data_key_id, version) > (${after.dataKeyId}::uuid, ${after.version}::integer)`
  const { rows } = await sql<{ data_key_id: string; version: number; is_higher: boolean }>`
    select c.data_key_id, c.version,
      c.state = 'retired' and c.version >= coalesce(m.minimum_version, 1) as is_higher
    from (
      select data_key_id, version, state from keyhold.cipherkeys
      where tenant_id = ${tenantId} and ${rest} order by data_key_id, version limit ${pageRows}
    ) c left join keyhold.minimum_versions m on m.tenant_id = ${tenantId} and m.data_key_id = c.data_key_id
    order by c.data_key_id, c.version`.execute(db)
  const last = rows.at(-1)
  return {
    dataKeyIds: [...new Set(rows.filter((row) => row.is_higher).map((row) => row.data_key_id))],
    next:
      last === undefined || rows.length < pageRows
        ? undefined
        : { dataKeyId: last.data_key_id, version: last.version },
  }
}

/** Raises the minimum of data keys to what their states tell by now, unsigned. Call it under the tenant's fence. */
export async function raiseMinimumVersions(
  db: Database,
  tenantId: string,
  dataKeyIds: readonly string[],
): Promise<void> {
  if (dataKeyIds.length === 0) return
  await sql`
    insert into keyhold.minimum_versions as m (tenant_id, data_key_id, minimum_version)
    select tenant_id, data_key_id, max(version) + 1 from keyhold.cipherkeys
    where tenant_id = ${tenantId} and data_key_id = any(${dataKeyIds}::uuid[]) and state = 'retired'
    group by tenant_id, data_key_id
    on conflict (tenant_id, data_key_id) do update set minimum_version = excluded.minimum_version
      where m.minimum_version < excluded.minimum_version`.execute(db)
}

/** Both at once, for who holds the fence anyway. */
export async function fillMinimumVersions(db: Database, tenantId: string): Promise<void> {
  let page: RetiredPage | undefined
  do {
    page = await findRetired(db, tenantId, page?.next)
    await raiseMinimumVersions(db, tenantId, page.dataKeyIds)
  } while (page.next !== undefined)
}

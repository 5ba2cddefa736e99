// Makes data keys older, as if time had passed. Their wraps bind when they were made, so that SQL alone cannot do it.
import { unwrapDataKey, wrapDataKey, type TenantKey } from '@keyhold/core'
import type { Row } from './query-pool.ts'

/** @param which - a condition on rows of cipherkeys that this tenant key wraps; default: all of them */
export async function makeOlder(
  database: { query(statement: string, values?: unknown[]): Promise<Row[]> },
  tenantKey: TenantKey,
  byMs: number,
  which = 'true',
): Promise<void> {
  const { tenantId, version: tenantKeyVersion } = tenantKey
  const rows = (await database.query(
    `select data_key_id as id, version, key_name, wrapped, floor(extract(epoch from created_at) * 1000)::float8 as ms
     from keyhold.cipherkeys where tenant_id = $1 and tenant_key_version = $2 and ${which}`,
    [tenantId, tenantKeyVersion],
  )) as unknown as { id: string; version: number; key_name: string | null; wrapped: Buffer; ms: number }[]
  for (const { id, version, key_name: keyName, wrapped, ms } of rows) {
    const facts = { keyName: keyName ?? undefined, createdAtMs: ms }
    const dataKey = unwrapDataKey(tenantKey, { tenantId, id, version }, facts, wrapped)
    const older = { ...facts, createdAtMs: ms - byMs }
    await database.query(
      `update keyhold.cipherkeys set wrapped = $4, created_at = $5
       where tenant_id = $1 and data_key_id = $2 and version = $3`,
      [tenantId, id, version, wrapDataKey(tenantKey, dataKey, older), new Date(older.createdAtMs)],
    )
  }
}

// Copies tenants into the database: all rows but their cipherkeys.
import type pg from 'pg'
import type { ClonedTenant } from './clone-tenant.ts'
import { copyRows } from './copy-rows.ts'
import { tenantTables, type TenantTable } from './model-tenant.ts'

/** @param names - how many key names each of them has */
export async function copyTenants(
  client: pg.Client,
  tenants: readonly ClonedTenant[],
  names: number,
): Promise<void> {
  await client.query('begin')
  for (const table of Object.keys(tenantTables) as TenantTable[])
    await copyRows(
      client,
      table,
      tenants.flatMap(({ rows }): object[] => rows[table]),
    )
  await copyRows(
    client,
    'key_name_counts',
    tenants.map(({ tenantId }) => ({ tenant_id: tenantId, names })),
  )
  await client.query('commit')
}

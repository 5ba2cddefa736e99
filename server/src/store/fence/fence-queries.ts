// The statements that take a tenant's fence, for the rest of their transaction. They are the first ones of it: whoever
// locks a row before the fence can meet another who does it the other way round, and both wait for ever.
import { sql } from 'kysely'
import type { Database } from '../database.ts'

/** The version that wraps new data keys, and the epoch in which that holds. */
export interface Fence {
  epoch: number
  activeTenantKeyVersion: number
}

interface Row {
  epoch: number
  active_tenant_key_version: number
}

/** Waits until nobody else holds the fence, and later comers wait behind. Undefined: there is no such tenant. */
export async function takeFence(db: Database, tenantId: string): Promise<Fence | undefined> {
  const { rows } = await sql<Row>`select * from keyhold.fence_alone(${tenantId})`.execute(db)
  return rows[0] && fromRow(rows[0])
}

/** Never waits. `refused`: somebody holds the fence alone, or waits to. Undefined: there is no such tenant. */
export async function tryFenceShared(db: Database, tenantId: string): Promise<Fence | 'refused' | undefined> {
  const { rows } = await sql<
    { granted: boolean } & (Row | { epoch: null })
  >`select * from keyhold.try_fence_shared(${tenantId})`.execute(db)
  const [row] = rows
  if (row?.granted !== true) return 'refused'
  return row.epoch === null ? undefined : fromRow(row)
}

function fromRow(row: Row): Fence {
  return { epoch: row.epoch, activeTenantKeyVersion: row.active_tenant_key_version }
}

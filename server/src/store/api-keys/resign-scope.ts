// Signs the API keys of a scope anew, after one of them was revoked.
import { sql } from 'kysely'
import type { RowMacs } from '../authentic/row-macs.ts'
import { columnsOfKind } from '../authentic/steering-kinds.ts'
import type { Database } from '../database.ts'
import { unlessFaulty } from '../authentic/row-faults.ts'
import { inScope, type StoredApiKey } from './api-key-rows.ts'

/** Gives keys that replicas of the version before have made the generation of their scope. They have to be signed then. */
export async function adoptApiKeys(db: Database, tenantId: string | undefined): Promise<void> {
  const generation =
    tenantId === undefined
      ? sql`(select api_key_generation from keyhold.installation)`
      : sql`(select api_key_generation from keyhold.tenant_guards where tenant_id = ${tenantId})`
  await sql`
    update keyhold.api_keys set generation = coalesce(${generation}, generation)
    where ${inScope(tenantId)} and mac is null`.execute(db)
}

const columns = columnsOfKind('apiKey')
const pageRows = 1_000

/**
 * Brings the keys that hold to the next generation of their scope, whose row the transaction has locked. A key that is faulty,
 * or of an earlier generation, stays as it is.
 *
 * @param tenantId - undefined: the keys that are of no tenant
 * @param isRevoked - whether the row does not hold any more since just now: a database that goes on showing it must not get it signed
 */
export async function resignScope(
  db: Database,
  macs: RowMacs,
  tenantId: string | undefined,
  { from, to, isRevoked }: { from: number; to: number; isRevoked: (row: StoredApiKey) => boolean },
): Promise<void> {
  for (let after = ''; ;) {
    const rows = await db
      .selectFrom('api_keys')
      .select(columns)
      .where(inScope(tenantId))
      .where('id', '>', after)
      .orderBy('id')
      .limit(pageRows)
      .forNoKeyUpdate()
      .execute()
    const signed = rows.flatMap((row) => {
      if (isRevoked(row)) return []
      // Before the adoption the keys that replicas of the version before have made are unsigned. This signs them.
      const isEarly = row.mac === null && !macs.requiresMacs()
      if (!isEarly && row.generation !== from) return []
      if (unlessFaulty(() => macs.verify('apiKey', row)) === undefined) return []
      return [{ id: row.id, mac: macs.sign('apiKey', { ...row, generation: to }) }]
    })
    if (signed.length > 0) {
      await sql`
        update keyhold.api_keys k set generation = ${to}, mac = decode(v.mac, 'hex')
        from unnest(${signed.map(({ id }) => id)}::text[], ${signed.map(({ mac }) => mac.toString('hex'))}::text[]) v (id, mac)
        where k.id = v.id`.execute(db)
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageRows) return
    after = last.id
  }
}

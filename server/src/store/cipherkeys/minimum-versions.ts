// The minimum versions of data keys. The states of cipherkeys are a copy for replicas of the version before, and for lists.
import { sql } from 'kysely'
import type { Database } from '../database.ts'
import type { CoverParts } from '../fence/covered-rows.ts'
import { heldOf, rewriteRow } from '../fence/rewrite-row.ts'
import { verifyListed } from '../fence/verify-listed.ts'
import { columnsOfKind, type StoredRow } from '../authentic/steering-kinds.ts'
import type { Authentic } from '../authentic/row-macs.ts'
import type { CipherkeyState } from '../tables.ts'

export function minimumVersionQueries(db: Database, parts: CoverParts) {
  const { macs } = parts.fences

  /** Under the fence: it stays as it is until it is rewritten. */
  async function lock(
    tenantId: string,
    dataKeyId: string,
  ): Promise<Authentic<StoredRow<'minimumVersion'>> | undefined> {
    const held = heldOf(parts.held, tenantId)
    const found = await db
      .selectFrom('minimum_versions')
      .select(columnsOfKind('minimumVersion'))
      .where('tenant_id', '=', tenantId)
      .where('data_key_id', '=', dataKeyId)
      .forUpdate()
      .executeTakeFirst()
    return found && verifyListed({ macs, held }, 'minimumVersion', dataKeyId, found)
  }

  async function remove(tenantId: string, dataKeyId: string): Promise<void> {
    const { manifest } = heldOf(parts.held, tenantId)
    if ((await lock(tenantId, dataKeyId)) === undefined) return
    await db
      .deleteFrom('minimum_versions')
      .where('tenant_id', '=', tenantId)
      .where('data_key_id', '=', dataKeyId)
      .execute()
    manifest.delete('minimumVersion', dataKeyId)
  }

  async function store(tenantId: string, dataKeyId: string, minimum: number): Promise<void> {
    const held = heldOf(parts.held, tenantId)
    const before = await lock(tenantId, dataKeyId)
    const row = { tenant_id: tenantId, data_key_id: dataKeyId, minimum_version: minimum }
    if (before !== undefined) {
      const changes = { minimum_version: minimum }
      await rewriteRow(db, { macs, held }, 'minimumVersion', dataKeyId, before, changes)
      return
    }
    const mac = macs.sign('minimumVersion', row)
    await db
      .insertInto('minimum_versions')
      .values({ ...row, mac })
      .execute()
    held.manifest.set('minimumVersion', dataKeyId, mac)
  }

  return {
    /**
     * Retires the versions below the minimum, and brings back the others. The active one stays as it is. Call it under
     * `withFence`.
     *
     * @param minimum - from 1
     */
    async set(tenantId: string, dataKeyId: string, minimum: number): Promise<void> {
      if (minimum > 1) await store(tenantId, dataKeyId, minimum)
      else await remove(tenantId, dataKeyId)
      await db
        .selectFrom('cipherkeys')
        .select('version')
        .where('tenant_id', '=', tenantId)
        .where('data_key_id', '=', dataKeyId)
        .orderBy('version')
        .forUpdate()
        .execute()
      await db
        .updateTable('cipherkeys')
        .set({
          state: sql<CipherkeyState>`case when version < ${minimum} then 'retired' else 'decrypt-only' end`,
        })
        .where('tenant_id', '=', tenantId)
        .where('data_key_id', '=', dataKeyId)
        .where('state', '!=', 'active')
        .execute()
    },

    /** For a data key that is destroyed. Call it under `withFence`. */
    forget: remove,
  }
}

// A page of this size is read in a few milliseconds.
const pageRows = 10_000

/**
 * Writes the minimum versions that the states of cipherkeys tell, unsigned: when they are adopted. Until then the states
 * decide, since replicas of the version before write them alone. Call it under the tenant's fence.
 */
export async function fillMinimumVersions(db: Database, tenantId: string): Promise<void> {
  const minimums = await readRetired(db, tenantId)
  const ids = [...minimums.keys()]
  await sql`delete from keyhold.minimum_versions
    where tenant_id = ${tenantId} and data_key_id <> all(${ids}::uuid[])`.execute(db)
  await sql`insert into keyhold.minimum_versions as m (tenant_id, data_key_id, minimum_version)
    select ${tenantId}, * from unnest(${ids}::uuid[], ${[...minimums.values()]}::integer[])
    on conflict (tenant_id, data_key_id) do update set minimum_version = excluded.minimum_version
      where m.minimum_version <> excluded.minimum_version`.execute(db)
}

/** The minimum of each data key that has retired versions, by its id. */
async function readRetired(db: Database, tenantId: string): Promise<Map<string, number>> {
  const minimums = new Map<string, number>()
  let after = { data_key_id: '00000000-0000-0000-0000-000000000000', version: 0 }
  for (;;) {
    const { rows } = await sql<{ data_key_id: string; version: number; state: CipherkeyState }>`
      select data_key_id, version, state from keyhold.cipherkeys
      where tenant_id = ${tenantId} and (data_key_id, version) > (${after.data_key_id}::uuid, ${after.version}::integer)
      order by data_key_id, version limit ${pageRows}`.execute(db)
    for (const { data_key_id: id, version, state } of rows) {
      if (state === 'retired') minimums.set(id, Math.max(version + 1, minimums.get(id) ?? 0))
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < pageRows) return minimums
    after = last
  }
}

// Data keys as their tenant sees them: a name, its versions, and whether they encrypt or decrypt. The wraps are in
// cipherkeys.ts.
import { sql } from 'kysely'
import type { Database } from '../database.ts'
import type { CipherkeyState } from '../tables.ts'

export interface DataKeyVersionRow {
  version: number
  state: CipherkeyState
  createdAt: Date
}

/** A named data key. */
export interface DataKeyRow {
  keyName: string
  dataKeyId: string
  /** Versions below it are retired. It is 1 if nobody has set it. */
  minimumVersion: number
  /** When it will be destroyed; undefined: nobody has scheduled that. */
  destroyAt: Date | undefined
  /** The newest first, and no more than the newest `maxVersionsListed`. */
  versions: DataKeyVersionRow[]
}

// By age alone, a name does not reach this number in a century.
const maxVersionsListed = 100
// Beyond those that a header can name.
const maxVersion = 2 ** 32

interface Row {
  key_name: string
  data_key_id: string
  minimum_version: number
  destroy_at: Date | null
  versions: { version: number; state: CipherkeyState; created_at: string }[]
}

export function dataKeyQueries(db: Database) {
  // The tenant is named everywhere, so that the planner looks into one partition, and not into all.
  const select = (tenantId: string, where: ReturnType<typeof sql>, limit: number) =>
    sql<Row>`
      select a.key_name, a.data_key_id,
        (select min(version) from keyhold.cipherkeys m
          where m.tenant_id = ${tenantId} and m.data_key_id = a.data_key_id and m.state <> 'retired')
          as minimum_version,
        (select due_at from keyhold.destructions d
          where d.tenant_id = a.tenant_id and d.key_name = a.key_name and d.kind = 'data-key'
            and d.cancelled_at is null and d.destroyed_at is null) as destroy_at,
        (select json_agg(v) from (
          select version, state, created_at from keyhold.cipherkeys v
          where v.tenant_id = ${tenantId} and v.data_key_id = a.data_key_id
          order by version desc limit ${maxVersionsListed}) v) as versions
      from keyhold.cipherkeys a
      where a.tenant_id = ${tenantId} and a.state = 'active' and a.key_name is not null and ${where}
      order by a.key_name limit ${limit}`.execute(db)

  return {
    /** By name, in the order of its bytes. Names with a colon are Keyhold's own, and left out. */
    async list(tenantId: string, { after, limit }: { after: string; limit: number }): Promise<DataKeyRow[]> {
      const where = sql`a.key_name > ${after} and strpos(a.key_name, ':') = 0`
      const { rows } = await select(tenantId, where, limit)
      return rows.map(fromRow)
    },

    async find(tenantId: string, keyName: string): Promise<DataKeyRow | undefined> {
      const { rows } = await select(tenantId, sql`a.key_name = ${keyName}`, 1)
      return rows[0] && fromRow(rows[0])
    },

    /** The versions of a name's data key below `before`, the newest first; none where the tenant has no such name. */
    async listVersions(
      tenantId: string,
      keyName: string,
      { before, limit }: { before?: number | undefined; limit: number },
    ): Promise<(DataKeyVersionRow & { dataKeyId: string })[]> {
      const { rows } = await sql<Row['versions'][number] & { data_key_id: string }>`
        select v.data_key_id, v.version, v.state, v.created_at from keyhold.cipherkeys v
        where v.tenant_id = ${tenantId} and v.data_key_id = (
          select a.data_key_id from keyhold.cipherkeys a
          where a.tenant_id = ${tenantId} and a.key_name = ${keyName} and a.state = 'active')
          and v.version < ${before ?? maxVersion}::bigint
        order by v.version desc limit ${limit}`.execute(db)
      return rows.map((row) => ({ dataKeyId: row.data_key_id, ...versionOf(row) }))
    },

    /** Retires the versions below `minimumVersion`, and brings back the others. The active one stays as it is. */
    async setMinimumVersion(tenantId: string, dataKeyId: string, minimumVersion: number): Promise<void> {
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
          state: sql<CipherkeyState>`case when version < ${minimumVersion} then 'retired' else 'decrypt-only' end`,
        })
        .where('tenant_id', '=', tenantId)
        .where('data_key_id', '=', dataKeyId)
        .where('state', '!=', 'active')
        .execute()
    },

    /**
     * The tenant's number of key names, for transactions that make some. From here to their end such transactions run one
     * after the other, so that none of them exceeds the quota.
     */
    async lockCount(tenantId: string): Promise<number> {
      const row = await db
        .insertInto('key_name_counts')
        .values({ tenant_id: tenantId, names: 0 })
        .onConflict((conflict) =>
          conflict.column('tenant_id').doUpdateSet({ names: (eb) => eb.ref('key_name_counts.names') }),
        )
        .returning('names')
        .executeTakeFirstOrThrow()
      return row.names
    },

    async addToCount(tenantId: string, more: number): Promise<void> {
      if (more === 0) return
      await db
        .updateTable('key_name_counts')
        // A destroyed name may be one that was never counted (schema migration 3).
        .set({ names: sql`greatest(names + ${more}, 0)` })
        .where('tenant_id', '=', tenantId)
        .execute()
    },
  }
}

function fromRow(row: Row): DataKeyRow {
  return {
    keyName: row.key_name,
    dataKeyId: row.data_key_id,
    minimumVersion: row.minimum_version,
    destroyAt: row.destroy_at ?? undefined,
    versions: row.versions.map(versionOf),
  }
}

function versionOf({ version, state, created_at }: Row['versions'][number]): DataKeyVersionRow {
  return { version, state, createdAt: new Date(created_at) }
}

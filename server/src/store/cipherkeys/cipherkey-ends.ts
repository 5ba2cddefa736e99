// The only statements that delete cipherkeys. They are for transactions that have the fence of the tenant alone, or whose
// tenant has none any more, and that end in a signed record of what they delete.
import { sql, type Selectable } from 'kysely'
import type { CipherkeyPosition } from './cipherkeys.ts'
import { readInOrder } from './read-in-order.ts'
import type { Database } from '../database.ts'
import type { WrappedPosition } from '../destructions/destruction-row.ts'
import type { CipherkeyState, Tables } from '../tables.ts'

/** The record of a deleted cipherkey. */
export interface EndedCipherkey extends CipherkeyPosition {
  /** Undefined for a data key without a name. */
  keyName: string | undefined
  state: CipherkeyState
  tenantKeyVersion: number
  keyCheckValue: Buffer
  createdAt: Date
}

export function cipherkeyEndQueries(db: Database) {
  return {
    /** Call it once before `deleteNext`. */
    readInOrder: () => readInOrder(db),

    /**
     * Deletes the next cipherkeys, of one data key or of the whole tenant, and answers them in the order of their
     * primary key: none when there are no more.
     */
    async deleteNext(
      tenantId: string,
      {
        dataKeyId,
        after,
        limit,
      }: { dataKeyId: string | undefined; after?: CipherkeyPosition; limit: number },
    ): Promise<EndedCipherkey[]> {
      let page = db
        .selectFrom('cipherkeys')
        .select([
          'data_key_id',
          'version',
          'key_name',
          'state',
          'tenant_key_version',
          'key_check_value',
          'created_at',
        ])
        .where('tenant_id', '=', tenantId)
        .orderBy('data_key_id')
        .orderBy('version')
        .limit(limit)
      // Deleted rows stay in the index until the transaction ends, so that each page begins behind them.
      if (after !== undefined) page = page.where(sql<boolean>`(data_key_id, version) > ${place(after)}`)
      if (dataKeyId !== undefined) page = page.where('data_key_id', '=', dataKeyId)
      const rows = await page.execute()
      const [first, last] = [rows[0], rows.at(-1)]
      if (first === undefined || last === undefined) return []

      // A range is used, since for a join with the page the planner might read the whole tenant for each page.
      const { numDeletedRows } = await db
        .deleteFrom('cipherkeys')
        .where('tenant_id', '=', tenantId)
        .where(
          sql<boolean>`(data_key_id, version) >= ${place({ dataKeyId: first.data_key_id, version: first.version })}`,
        )
        .where(
          sql<boolean>`(data_key_id, version) <= ${place({ dataKeyId: last.data_key_id, version: last.version })}`,
        )
        .executeTakeFirstOrThrow()
      if (Number(numDeletedRows) !== rows.length)
        throw new Error('cipherkeys changed under the fence: nothing is destroyed')
      return rows.map(fromEndedRow)
    },

    /**
     * Deletes those of these cipherkeys that are still wrapped by the versions named, with all notes of key jobs about
     * them, and answers them in the order of their primary key.
     */
    async deleteNamed(tenantId: string, named: readonly WrappedPosition[]): Promise<EndedCipherkey[]> {
      const positions = sql`unnest(${named.map((each) => each.dataKeyId)}::uuid[],
        ${named.map((each) => each.version)}::integer[], ${named.map((each) => each.tenantKeyVersion)}::integer[])
        as p (data_key_id, version, tenant_key_version)`
      const { rows } = await sql<EndedRow>`
        with ended as (
          delete from keyhold.cipherkeys c using ${positions}
          where c.tenant_id = ${tenantId} and c.data_key_id = p.data_key_id and c.version = p.version
            and c.tenant_key_version = p.tenant_key_version and (c.state <> 'active' or c.key_name is null)
          returning c.data_key_id, c.version, c.key_name, c.state, c.tenant_key_version, c.key_check_value,
            c.created_at
        ), notes as (
          delete from keyhold.key_job_failures f using ended e, keyhold.key_jobs j
          where j.tenant_id = ${tenantId} and f.key_job_id = j.id and f.data_key_id = e.data_key_id
            and f.version = e.version
        )
        select * from ended order by data_key_id, version`.execute(db)
      return rows.map(fromEndedRow)
    },

    /**
     * Forgets that key jobs set these cipherkeys aside under the versions named: they open. As when a key job itself opens
     * one after all, they are no longer counted among its failures: answers how many there were of each. Call it under the
     * fence.
     */
    async forgetOpening(
      tenantId: string,
      opening: readonly WrappedPosition[],
    ): Promise<{ keyJobId: string; count: number }[]> {
      if (opening.length === 0) return []
      const { rows } = await sql<{ keyJobId: string; count: number }>`
        with forgotten as (
          delete from keyhold.key_job_failures f using keyhold.key_jobs j,
            unnest(${opening.map((each) => each.dataKeyId)}::uuid[], ${opening.map((each) => each.version)}::integer[],
              ${opening.map((each) => each.tenantKeyVersion)}::integer[]) as p (data_key_id, version, tenant_key_version)
          where j.tenant_id = ${tenantId} and f.key_job_id = j.id and f.data_key_id = p.data_key_id
            and f.version = p.version and f.tenant_key_version = p.tenant_key_version
          returning f.key_job_id
        )
        select key_job_id as "keyJobId", count(*) as count from forgotten group by 1 order by 1`.execute(db)
      return rows
    },

    /** Deletes some of what key jobs of a tenant have set aside; answers false when nothing is left. */
    async deleteFailures(tenantId: string, limit: number): Promise<boolean> {
      const { rows } = await sql`
        with page as materialized (
          select f.key_job_id, f.data_key_id, f.version
          from keyhold.key_jobs j join keyhold.key_job_failures f on f.key_job_id = j.id
          where j.tenant_id = ${tenantId}
          order by f.key_job_id, f.data_key_id, f.version limit ${limit} for update of f
        )
        delete from keyhold.key_job_failures f using page p
        where f.key_job_id = p.key_job_id and f.data_key_id = p.data_key_id and f.version = p.version
        returning 1`.execute(db)
      return rows.length > 0
    },

    /** Forgets that key jobs set a data key's cipherkeys aside. */
    async forgetFailures(tenantId: string, dataKeyId: string): Promise<void> {
      await db
        .deleteFrom('key_job_failures')
        .where('data_key_id', '=', dataKeyId)
        .where('key_job_id', 'in', (eb) =>
          eb.selectFrom('key_jobs').select('id').where('tenant_id', '=', tenantId),
        )
        .execute()
    },
  }
}

type EndedRow = Pick<
  Selectable<Tables['cipherkeys']>,
  'data_key_id' | 'version' | 'key_name' | 'state' | 'tenant_key_version' | 'key_check_value' | 'created_at'
>

function fromEndedRow(row: EndedRow): EndedCipherkey {
  return {
    dataKeyId: row.data_key_id,
    version: row.version,
    keyName: row.key_name ?? undefined,
    state: row.state,
    tenantKeyVersion: row.tenant_key_version,
    keyCheckValue: row.key_check_value,
    createdAt: row.created_at,
  }
}

function place({ dataKeyId, version }: CipherkeyPosition) {
  return sql`(${dataKeyId}::uuid, ${version}::integer)`
}

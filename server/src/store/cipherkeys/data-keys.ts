// Data keys as their tenant sees them: a name, its versions, and whether they encrypt or decrypt. The wraps are in
// cipherkeys.ts.
import { sql } from 'kysely'
import type { Database } from '../database.ts'
import { prepareStatement } from '../prepare-statement.ts'
import type { CoverParts } from '../fence/covered-rows.ts'
import type { CipherkeyState } from '../tables.ts'
import { cipherkeysWithMinimum, readWithTerms } from './data-key-terms.ts'
import { notAskedFor } from './not-asked-for.ts'

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
  /** Its minimum version is not as Keyhold wrote it: nothing but the name and the id is told, and the numbers are 0. */
  isTampered?: true
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
  /** As the states tell. */
  shown_minimum: number
  versions: { version: number; state: CipherkeyState; created_at: string }[]
}

const lockNames = prepareStatement<[tenantId: string], { names: number }>(
  (tenantId) => sql`
    insert into keyhold.key_name_counts as k (tenant_id, names) values (${tenantId}, 0)
    on conflict (tenant_id) do update set names = k.names returning names`,
)
// A destroyed name may be one that was never counted (schema migration 3).
const addNames = prepareStatement<[tenantId: string, more: number], never>(
  (tenantId, more) => sql`
    update keyhold.key_name_counts set names = greatest(names + ${more}::int, 0) where tenant_id = ${tenantId}`,
)

export function dataKeyQueries(db: Database, cover: CoverParts) {
  // The tenant is named everywhere, so that the planner looks into one partition, and not into all.
  async function read(
    tenantId: string,
    where: ReturnType<typeof sql>,
    limit: number,
    showsTampered = false,
  ): Promise<DataKeyRow[]> {
    const terms = await readWithTerms<Row>(db, cover, tenantId, {
      columns: sql`c.key_name, c.data_key_id,
        (select min(version) from keyhold.cipherkeys o
          where o.tenant_id = ${tenantId} and o.data_key_id = c.data_key_id and o.state <> 'retired') as shown_minimum,
        (select json_agg(v) from (
          select version, state, created_at from keyhold.cipherkeys v
          where v.tenant_id = ${tenantId} and v.data_key_id = c.data_key_id
          order by version desc limit ${maxVersionsListed}) v) as versions`,
      from: sql`${cipherkeysWithMinimum}
        where c.tenant_id = ${tenantId} and c.state = 'active' and c.key_name is not null and ${where}
        order by c.key_name limit ${limit}`,
      order: sql`c.key_name`,
    })
    return terms.rows.map((row) => {
      if (showsTampered && terms.faultOf(row) !== undefined) return tampered(row)
      const minimumVersion = terms.minimumOf(row) ?? row.shown_minimum
      return {
        keyName: row.key_name,
        dataKeyId: row.data_key_id,
        minimumVersion,
        destroyAt: terms.destroyAtOf(row),
        versions: row.versions.map((version) => versionOf(version, minimumVersion)),
      }
    })
  }

  return {
    /** By name, in the order of its bytes, also those whose minimum version is faulty. Names with a colon are Keyhold's own, and left out. */
    async list(tenantId: string, { after, limit }: { after: string; limit: number }): Promise<DataKeyRow[]> {
      return read(tenantId, sql`c.key_name > ${after} and strpos(c.key_name, ':') = 0`, limit, true)
    },

    /** @throws KeyholdError `ERR_KEY_INTEGRITY` when the database answers with another name */
    async find(tenantId: string, keyName: string): Promise<DataKeyRow | undefined> {
      const [row] = await read(tenantId, sql`c.key_name = ${keyName}`, 1)
      if (row !== undefined && row.keyName !== keyName) throw notAskedFor()
      return row
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

    /**
     * Which of these names of blind indexes a cipherkey has, whatever its state. There is an index of such names alone.
     *
     * @param keyNames - with their prefix
     */
    async findBlindIndexes(tenantId: string, keyNames: readonly string[]): Promise<string[]> {
      // The condition of the index, in its words.
      const { rows } = await sql<{ key_name: string }>`
        select distinct key_name from keyhold.cipherkeys
        where tenant_id = ${tenantId} and key_name = any(${keyNames}) and starts_with(key_name, 'blind-index:')`.execute(
        db,
      )
      return rows.map((row) => row.key_name)
    },

    /**
     * The tenant's number of key names, for transactions that make some. From here to their end such transactions run one
     * after the other, so that none of them exceeds the quota.
     */
    async lockCount(tenantId: string): Promise<number> {
      const [row] = await lockNames(db, tenantId)
      if (row === undefined) throw new TypeError('the database does not answer')
      return row.names
    },

    async addToCount(tenantId: string, more: number): Promise<void> {
      if (more === 0) return
      await addNames(db, tenantId, more)
    },
  }
}

function tampered({ key_name: keyName, data_key_id: dataKeyId }: Row): DataKeyRow {
  return { keyName, dataKeyId, minimumVersion: 0, isTampered: true, destroyAt: undefined, versions: [] }
}

/** @param minimum - undefined: the state tells */
function versionOf(
  { version, state, created_at }: Row['versions'][number],
  minimum?: number,
): DataKeyVersionRow {
  const createdAt = new Date(created_at)
  if (minimum === undefined || state === 'active') return { version, state, createdAt }
  return { version, state: version < minimum ? 'retired' : 'decrypt-only', createdAt }
}

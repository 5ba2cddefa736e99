// Cipherkeys: the wrapped data keys. A lost row is lost data of a customer, so rows are only ever inserted, or changed by
// compare-and-set, under the tenant's fence.
import type { CipherkeyFacts, KeyholdError } from '@keyhold/core'
import { sql, type Selectable } from 'kysely'
import type { CipherkeyPosition } from './cipherkey-position.ts'
import type { Database } from '../database.ts'
import type { CoverParts } from '../fence/covered-rows.ts'
import { prepareStatement } from '../prepare-statement.ts'
import type { Tables } from '../tables.ts'
import {
  cipherkeysWithMinimum,
  readWithTerms,
  type DataKeyTerms,
  type StatedVersion,
} from './data-key-terms.ts'
import { notAskedFor } from './not-asked-for.ts'

export interface CipherkeyRow extends CipherkeyFacts {
  tenantId: string
  dataKeyId: string
  version: number
  tenantKeyVersion: number
  wrapped: Buffer
  keyCheckValue: Buffer
}

/** A cipherkey as it is read for use. */
export interface UsableCipherkeyRow extends CipherkeyRow {
  /** How long it surely lives after the reading. Below 0 it may be destroyed at any moment. */
  destroyInMs: number
}

/** A cipherkey as it is read for decryption. */
export interface FoundCipherkeyRow extends UsableCipherkeyRow {
  /** Its version is below the data key's minimum: it must not be used. */
  isRetired: boolean
  /** Why nobody knows whether it is. Absent: it is known. */
  fault?: KeyholdError
}

/** A cipherkey that encrypts, with its name and its age. Where `isRetired`, somebody else has made it active. */
export interface ActiveCipherkeyRow extends FoundCipherkeyRow {
  keyName: string
  /** By the database's clock, which also wrote when it was made. Below 0 if that clock was set back since. */
  ageMs: number
}

export interface NewCipherkey extends CipherkeyRow {
  keyName: string
}

export type { CipherkeyPosition } from './cipherkey-position.ts'

type Row = Pick<
  Selectable<Tables['cipherkeys']>,
  'tenant_id' | 'data_key_id' | 'version' | 'tenant_key_version' | 'wrapped' | 'key_check_value' | 'key_name'
> & { created_at_ms: number }

const columns = [
  'tenant_id',
  'data_key_id',
  'version',
  'tenant_key_version',
  'wrapped',
  'key_check_value',
  'key_name',
  'state',
] as const

function fromRow(row: Row): CipherkeyRow {
  return {
    tenantId: row.tenant_id,
    dataKeyId: row.data_key_id,
    version: row.version,
    tenantKeyVersion: row.tenant_key_version,
    wrapped: row.wrapped,
    keyCheckValue: row.key_check_value,
    keyName: row.key_name ?? undefined,
    createdAtMs: row.created_at_ms,
  }
}

const order = sql`c.data_key_id, c.version`
// The wrap binds whole milliseconds, rounded down. An infinite time, which Keyhold never writes, must not fail the statement.
const columnsOfUse = sql`${sql.join(columns.map((column) => sql.ref(`c.${column}`)))},
  floor(extract(epoch from c.created_at) * 1000)::float8 as created_at_ms`

type UsableRow = Row & StatedVersion

const faultIn = (terms: DataKeyTerms<unknown>, row: UsableRow) => {
  const fault = terms.faultOf(row)
  return fault && { fault }
}

const fromUsableRow = (terms: DataKeyTerms<unknown>, row: UsableRow): FoundCipherkeyRow => ({
  ...fromRow(row),
  isRetired: terms.isRetired(row),
  ...faultIn(terms, row),
  destroyInMs: terms.destroyInMsOf(row),
})

const insertAll = prepareStatement<
  [
    ...[tenantIds: string[], dataKeyIds: string[], versions: number[], keyNames: string[]],
    ...[tenantKeyVersions: number[], wraps: Buffer[], keyCheckValues: Buffer[], createdAt: Date[]],
  ],
  { key_name: string }
>(
  (tenantIds, dataKeyIds, versions, keyNames, tenantKeyVersions, wraps, keyCheckValues, createdAt) => sql`
    insert into keyhold.cipherkeys
      (tenant_id, data_key_id, version, key_name, state, tenant_key_version, wrapped, key_check_value, created_at)
    select tenant_id, data_key_id, version, key_name, 'active', tenant_key_version, wrapped, key_check_value, created_at
    from unnest(${tenantIds}::text[], ${dataKeyIds}::uuid[], ${versions}::integer[], ${keyNames}::text[],
      ${tenantKeyVersions}::integer[], ${wraps}::bytea[], ${keyCheckValues}::bytea[], ${createdAt}::timestamptz[]
    ) as c (tenant_id, data_key_id, version, key_name, tenant_key_version, wrapped, key_check_value, created_at)
    on conflict (tenant_id, key_name) where state = 'active' and key_name is not null do nothing
    returning key_name`,
)

export function cipherkeyQueries(db: Database, cover: CoverParts) {
  return {
    /** Answers false, and does nothing, when the key name has an active data key already. */
    async insertActive(cipherkey: NewCipherkey): Promise<boolean> {
      const result = await db
        .insertInto('cipherkeys')
        .values({
          tenant_id: cipherkey.tenantId,
          data_key_id: cipherkey.dataKeyId,
          version: cipherkey.version,
          key_name: cipherkey.keyName,
          state: 'active',
          tenant_key_version: cipherkey.tenantKeyVersion,
          wrapped: cipherkey.wrapped,
          key_check_value: cipherkey.keyCheckValue,
          created_at: new Date(cipherkey.createdAtMs),
        })
        .onConflict((conflict) =>
          conflict
            .columns(['tenant_id', 'key_name'])
            .where('state', '=', 'active')
            .where('key_name', 'is not', null)
            .doNothing(),
        )
        .executeTakeFirst()
      return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
    },

    /**
     * Inserts the first versions of many key names at once, and answers the names that got one. Names that have an active
     * data key already stay as they are.
     */
    async insertManyActive(cipherkeys: readonly NewCipherkey[]): Promise<string[]> {
      if (cipherkeys.length === 0) return []
      const rows = await insertAll(
        db,
        cipherkeys.map((c) => c.tenantId),
        cipherkeys.map((c) => c.dataKeyId),
        cipherkeys.map((c) => c.version),
        cipherkeys.map((c) => c.keyName),
        cipherkeys.map((c) => c.tenantKeyVersion),
        cipherkeys.map((c) => c.wrapped),
        cipherkeys.map((c) => c.keyCheckValue),
        cipherkeys.map((c) => new Date(c.createdAtMs)),
      )
      return rows.map((row) => row.key_name)
    },

    /** Makes a version encrypt no more; false when it did not before. */
    async endEncryption(row: Pick<CipherkeyRow, 'tenantId' | 'dataKeyId' | 'version'>): Promise<boolean> {
      const result = await db
        .updateTable('cipherkeys')
        .set({ state: 'decrypt-only' })
        .where('tenant_id', '=', row.tenantId)
        .where('data_key_id', '=', row.dataKeyId)
        .where('version', '=', row.version)
        .where('state', '=', 'active')
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    async findActive(tenantId: string, keyName: string): Promise<ActiveCipherkeyRow | undefined> {
      const [row] = await this.listActive(tenantId, [keyName])
      return row
    },

    /**
     * The active data keys of those names that have one, in any order.
     *
     * @throws KeyholdError `ERR_KEY_INTEGRITY` when the database answers with another name
     */
    async listActive(tenantId: string, keyNames: readonly string[]): Promise<ActiveCipherkeyRow[]> {
      const terms = await readWithTerms<UsableRow & { key_name: string }>(db, cover, tenantId, {
        columns: columnsOfUse,
        from: sql`${cipherkeysWithMinimum}
          where c.tenant_id = ${tenantId} and c.key_name = any(${keyNames}) and c.state = 'active'`,
        order,
      })
      for (const row of terms.rows) if (!keyNames.includes(row.key_name)) throw notAskedFor()
      return terms.rows.map((row) => ({
        ...fromUsableRow(terms, row),
        tenantId,
        keyName: row.key_name,
        ageMs: terms.now.getTime() - row.created_at_ms,
      }))
    },

    async find(tenantId: string, dataKeyId: string, version: number): Promise<FoundCipherkeyRow | undefined> {
      const [row] = await this.listFound(tenantId, [{ dataKeyId, version }])
      return row
    },

    /**
     * Those that exist, in any order.
     *
     * @throws KeyholdError `ERR_KEY_INTEGRITY` when the database answers with another position
     */
    async listFound(tenantId: string, positions: readonly CipherkeyPosition[]): Promise<FoundCipherkeyRow[]> {
      const terms = await readWithTerms<UsableRow>(db, cover, tenantId, {
        columns: columnsOfUse,
        from: sql`${cipherkeysWithMinimum} where c.tenant_id = ${tenantId}
          and (c.data_key_id, c.version) in (select * from unnest(
            ${positions.map(({ dataKeyId }) => dataKeyId)}::uuid[], ${positions.map(({ version }) => version)}::bigint[]))`,
        order,
      })
      const asked = new Set(positions.map(({ dataKeyId, version }) => `${dataKeyId}/${version}`))
      for (const row of terms.rows) if (!asked.has(`${row.data_key_id}/${row.version}`)) throw notAskedFor()
      // The tenant is the one that was asked for: the wrap of another tenant's row does not open as one of it.
      return terms.rows.map((row) => ({ ...fromUsableRow(terms, row), tenantId }))
    },

    /** All versions of a data key, whatever becomes of them: only what is bound into a wrap. In the order of their numbers. */
    async listVersions(tenantId: string, dataKeyId: string): Promise<CipherkeyRow[]> {
      const { rows } = await sql<Row>`select ${columnsOfUse} from keyhold.cipherkeys c
        where c.tenant_id = ${tenantId} and c.data_key_id = ${dataKeyId} order by c.version`.execute(db)
      return rows.map(fromRow)
    },

    async exists(tenantId: string): Promise<boolean> {
      const row = await db
        .selectFrom('cipherkeys')
        .select('version')
        .where('tenant_id', '=', tenantId)
        .limit(1)
        .executeTakeFirst()
      return row !== undefined
    },
  }
}

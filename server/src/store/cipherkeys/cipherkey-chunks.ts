// Cipherkeys in chunks, for key jobs: read packed, written back by compare-and-set. cipherkey-records.ts describes the
// bytes.
import { uuidFromBytes } from '@keyhold/core'
import { sql, type RawBuilder } from 'kysely'
import type { CipherkeyPosition } from './cipherkeys.ts'
import { rewrapRecord, surveyCipherkeyRecords } from './cipherkey-records.ts'
import type { Database } from '../database.ts'

/** Some cipherkeys in the order of the primary key. */
export interface CipherkeyChunk {
  rows: number
  /** The last cipherkey of the chunk. The next chunk begins behind it. */
  last: CipherkeyPosition
  /** The versions of the tenant key that wrap them. */
  tenantKeyVersions: number[]
  /** Records of cipherkey-records.ts. */
  records: Buffer
}

// The driver's connections speak UTF-8, whatever the database is encoded in.
const record = sql`uuid_send(data_key_id) || int4send(version) || int4send(tenant_key_version)
  || timestamptz_send(created_at) || int4send(coalesce(octet_length(name), -1)) || int4send(octet_length(wrapped))
  || coalesce(name, '') || wrapped || key_check_value`
const columns = sql`c.data_key_id, c.version, c.tenant_key_version, c.created_at, textsend(c.key_name) as name, c.wrapped,
  c.key_check_value`

export function cipherkeyChunkQueries(db: Database) {
  async function read(from: RawBuilder<unknown>): Promise<CipherkeyChunk | undefined> {
    const { rows } = await sql<{ records: Buffer | null }>`
      select string_agg(${record}, ''::bytea order by data_key_id, version) as records
      from (${from}) as chunk`.execute(db)
    const records = rows[0]?.records
    // The aggregate over no rows is null.
    return records ? { records, ...surveyCipherkeyRecords(records) } : undefined
  }

  return {
    /**
     * The next cipherkeys after a position, at most `limit`; undefined when none is left.
     *
     * @param options - with `notUnder`, only cipherkeys that another tenant key version wraps
     */
    next(
      tenantId: string,
      after: CipherkeyPosition | undefined,
      options: { limit: number; notUnder?: number },
    ): Promise<CipherkeyChunk | undefined> {
      const beyond =
        after === undefined
          ? sql``
          : sql`and (data_key_id, version) > (${after.dataKeyId}::uuid, ${after.version}::integer)`
      const stale =
        options.notUnder === undefined ? sql`` : sql`and tenant_key_version <> ${options.notUnder}`
      return read(sql`
        select ${columns}
        from keyhold.cipherkeys c where tenant_id = ${tenantId} ${beyond} ${stale}
        order by data_key_id, version limit ${options.limit}`)
    },

    /** The tenant's last cipherkey in the order of the primary key. */
    async findLast(tenantId: string): Promise<CipherkeyPosition | undefined> {
      const row = await db
        .selectFrom('cipherkeys')
        .select(['data_key_id as dataKeyId', 'version'])
        .where('tenant_id', '=', tenantId)
        .orderBy('data_key_id', 'desc')
        .orderBy('version', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row
    },

    /**
     * Cipherkeys that a key job has set aside, in the order of the primary key.
     *
     * @param options - `under`: those that it has set aside under this tenant key version; undefined: it is not known which
     */
    nextFailed(
      tenantId: string,
      keyJobId: string,
      after: CipherkeyPosition | undefined,
      options: { limit: number; under: number | undefined },
    ): Promise<CipherkeyChunk | undefined> {
      const beyond =
        after === undefined
          ? sql``
          : sql`and (data_key_id, version) > (${after.dataKeyId}::uuid, ${after.version}::integer)`
      const under =
        options.under === undefined
          ? sql`tenant_key_version is null`
          : sql`tenant_key_version = ${options.under}`
      // Every failure is of a cipherkey that is there: what deletes it deletes the failure.
      return read(sql`
        select ${columns}
        from (
          select data_key_id, version from keyhold.key_job_failures
          where key_job_id = ${keyJobId} and ${under} ${beyond}
          order by data_key_id, version limit ${options.limit}
        ) f
        cross join lateral (
          select * from keyhold.cipherkeys c
          where c.tenant_id = ${tenantId} and c.data_key_id = f.data_key_id and c.version = f.version
          -- The limit keeps the planner from reading the whole tenant, whatever its statistics say.
          limit 1
        ) c`)
    },

    /**
     * Replaces the wraps of rows that have not changed meanwhile, and answers how many there were.
     *
     * @param records - of one chunk or a part of it, in the order of the primary key
     */
    async rewrap(tenantId: string, tenantKeyVersion: number, records: Buffer): Promise<number> {
      if (records.length === 0) return 0
      // The range keeps the planner from reading the whole tenant, whatever its statistics say.
      const firstId = uuidFromBytes(records.subarray(0, 16))
      const lastAt = records.length - rewrapRecord.bytes
      const lastId = uuidFromBytes(records.subarray(lastAt, lastAt + 16))
      const part = (at: number, bytes: number) =>
        sql`substr(p.records, o.at + ${at + 1}::integer, ${bytes}::integer)`
      const integer = (at: number) => sql`('x' || encode(${part(at, 4)}, 'hex'))::bit(32)::integer`
      const result = await sql`
        update keyhold.cipherkeys as c
        set wrapped = r.new_wrapped, tenant_key_version = ${tenantKeyVersion}
        from (
          select encode(${part(0, 16)}, 'hex')::uuid as data_key_id,
            ${integer(rewrapRecord.version)} as version,
            ${integer(rewrapRecord.oldTenantKeyVersion)} as old_tenant_key_version,
            ${part(rewrapRecord.oldWrapped, rewrapRecord.wrappedBytes)} as old_wrapped,
            ${part(rewrapRecord.newWrapped, rewrapRecord.wrappedBytes)} as new_wrapped
          from (select ${records}::bytea as records) as p,
            generate_series(0, ${records.length - 1}::integer, ${rewrapRecord.bytes}::integer) as o (at)
        ) as r
        where c.tenant_id = ${tenantId} and c.data_key_id = r.data_key_id and c.version = r.version
          and c.data_key_id between ${firstId}::uuid and ${lastId}::uuid
          and c.wrapped = r.old_wrapped and c.tenant_key_version = r.old_tenant_key_version`.execute(db)
      return Number(result.numAffectedRows ?? 0n)
    },
  }
}

// Cipherkeys that a key job has set aside because they do not open. Open failures hold the key job up before its end.
// Accepted ones stay behind, and with them the tenant key version that they name. An acceptance holds in later key jobs
// too, as long as the same version wraps the cipherkey.
import { sql, type RawBuilder } from 'kysely'
import type { RowMacs } from '../authentic/row-macs.ts'
import { columnsOfKind } from '../authentic/steering-kinds.ts'
import type { CipherkeyPosition } from '../cipherkeys/cipherkeys.ts'
import { readInOrder } from '../cipherkeys/read-in-order.ts'
import type { DatabaseClock } from '../database-clock.ts'
import type { Database } from '../database.ts'
import type { WrappedPosition } from '../destructions/destruction-row.ts'
import {
  acceptanceIn,
  failureColumns,
  onlyAcceptances,
  readFailureSet,
  type Acceptance,
  type FailureSet,
  type StoredFailure,
} from './signed-failures.ts'

export interface KeyJobFailure extends CipherkeyPosition {
  /** Undefined for a data key without a name. */
  keyName: string | undefined
  tenantKeyVersion: number | undefined
  code: string
  createdAt: Date
  acceptedAt: Date | undefined
  /** The API key that accepted it, by its id. */
  acceptedBy: string | undefined
  /** Keyhold did not write it so. */
  isTampered: boolean
}

export interface NewKeyJobFailure extends CipherkeyPosition {
  tenantKeyVersion: number
  code: string
}

/** Open failures of a key job that have version and code in common. */
export interface OpenFailures {
  tenantKeyVersion: number | undefined
  code: string
  count: number
}

/** How many cipherkeys a key job has set aside that are still there. */
export interface FailureCounts {
  open: number
  accepted: number
}

const failuresIn = (failures: readonly NewKeyJobFailure[]) => sql`unnest(
  ${failures.map((each) => each.dataKeyId)}::uuid[], ${failures.map((each) => each.version)}::integer[],
  ${failures.map((each) => each.tenantKeyVersion)}::integer[], ${failures.map((each) => each.code)}::text[]
) as p (data_key_id, version, tenant_key_version, code)`

function arraysOf(positions: readonly CipherkeyPosition[]): RawBuilder<unknown> {
  return sql`unnest(${positions.map((each) => each.dataKeyId)}::uuid[], ${positions.map((each) => each.version)}::integer[])`
}

/**
 * Keeps the planner from reading all failures of a key job for the sake of some, whatever its statistics say. Ids are written
 * in one form, which sorts as PostgreSQL sorts their bytes.
 */
function inRangeOf(positions: readonly CipherkeyPosition[]): RawBuilder<unknown> {
  const ids = positions.map(({ dataKeyId }) => dataKeyId).sort()
  return sql`f.data_key_id between ${ids[0] ?? null}::uuid and ${ids.at(-1) ?? null}::uuid`
}

const nameOf = ({ dataKeyId, version }: CipherkeyPosition) => `${dataKeyId}/${version}`
const positionOf = (row: StoredFailure): CipherkeyPosition => ({
  dataKeyId: row.data_key_id,
  version: row.version,
})

// Such a page of rows is changed in some tens of milliseconds.
const pageRows = 1_000

export function keyJobFailureQueries(db: Database, { clock, macs }: { clock: DatabaseClock; macs: RowMacs }) {
  const sign = (row: StoredFailure) => macs.sign('keyJobFailure', row)

  /** Those of these cipherkeys that the key job has set aside, locked in the order in which everybody locks them. */
  async function lockNamed(
    keyJobId: string,
    positions: readonly CipherkeyPosition[],
  ): Promise<StoredFailure[]> {
    const { rows } = await sql<StoredFailure>`
      select ${failureColumns} from ${arraysOf(positions)} as p (data_key_id, version)
      join keyhold.key_job_failures f
        on f.key_job_id = ${keyJobId} and f.data_key_id = p.data_key_id and f.version = p.version
          and ${inRangeOf(positions)}
      order by f.data_key_id, f.version for update of f`.execute(db)
    return rows.map((row) => macs.verify('keyJobFailure', row))
  }

  /** Writes rows that the transaction has locked in their order (`for update`) and that were verified. */
  async function write(keyJobId: string, rows: readonly StoredFailure[]): Promise<void> {
    if (rows.length === 0) return
    const { rows: written } = await sql`
      update keyhold.key_job_failures as f
      set code = p.code, accepted_at = p.accepted_at, accepted_by = p.accepted_by, mac = p.mac
      from unnest(${rows.map((row) => row.data_key_id)}::uuid[], ${rows.map((row) => row.version)}::integer[],
        ${rows.map((row) => row.code)}::text[], ${rows.map((row) => row.accepted_at)}::timestamptz[],
        ${rows.map((row) => row.accepted_by)}::text[], ${rows.map(sign)}::bytea[]
      ) as p (data_key_id, version, code, accepted_at, accepted_by, mac)
      where f.key_job_id = ${keyJobId} and f.data_key_id = p.data_key_id and f.version = p.version
        and ${inRangeOf(rows.map(positionOf))}
      returning 1`.execute(db)
    if (written.length !== rows.length) throw new TypeError('failures changed while they were locked')
  }

  /** The first acceptances of these cipherkeys, in any key job, under the versions that wrap them now. */
  async function findAcceptances(
    tenantId: string,
    failures: readonly NewKeyJobFailure[],
  ): Promise<Map<string, Acceptance>> {
    const { rows } = await sql<StoredFailure>`
      select ${failureColumns} from ${failuresIn(failures)} cross join lateral (
        select f.* from keyhold.key_jobs j join keyhold.key_job_failures f on f.key_job_id = j.id
        where j.tenant_id = ${tenantId} and f.accepted_at is not null and f.data_key_id = p.data_key_id
          and f.version = p.version and f.tenant_key_version = p.tenant_key_version
        order by f.accepted_at limit 1
      ) f`.execute(db)
    const found = new Map<string, Acceptance>()
    for (const row of await onlyAcceptances(db, macs, tenantId, rows)) {
      const acceptance = acceptanceIn(row)
      if (acceptance !== undefined) found.set(nameOf(positionOf(row)), acceptance)
    }
    return found
  }

  return {
    /**
     * Sets cipherkeys aside, and answers how many were not before. Those that were accepted in an earlier key job are
     * accepted in this one: nobody is asked twice. Failures from before stay as they are.
     */
    async insert(
      { id, tenantId }: { id: string; tenantId: string },
      failures: readonly NewKeyJobFailure[],
    ): Promise<number> {
      if (failures.length === 0) return 0
      const acceptances = await findAcceptances(tenantId, failures)
      const created_at = clock.now()
      const rows = failures.map((failure): StoredFailure => {
        const acceptance = acceptances.get(nameOf(failure))
        return {
          key_job_id: id,
          data_key_id: failure.dataKeyId,
          version: failure.version,
          tenant_key_version: failure.tenantKeyVersion,
          code: failure.code,
          created_at,
          accepted_at: acceptance?.acceptedAt ?? null,
          accepted_by: acceptance?.acceptedBy ?? null,
          mac: null,
        }
      })
      const { rows: inserted } = await sql`
        insert into keyhold.key_job_failures
          (key_job_id, created_at, data_key_id, version, tenant_key_version, code, accepted_at, accepted_by, mac)
        select ${id}::uuid, ${created_at}::timestamptz, p.* from unnest(
          ${rows.map((row) => row.data_key_id)}::uuid[], ${rows.map((row) => row.version)}::integer[],
          ${rows.map((row) => row.tenant_key_version)}::integer[], ${rows.map((row) => row.code)}::text[],
          ${rows.map((row) => row.accepted_at)}::timestamptz[], ${rows.map((row) => row.accepted_by)}::text[],
          ${rows.map(sign)}::bytea[]) as p
        on conflict do nothing returning 1`.execute(db)
      return inserted.length
    },

    /** How many of these cipherkeys were accepted in a key job under the version that wraps them now. */
    async countAcceptedBefore(tenantId: string, failures: readonly NewKeyJobFailure[]): Promise<number> {
      if (failures.length === 0) return 0
      return (await findAcceptances(tenantId, failures)).size
    },

    /** All failures of a key job. @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` */
    readSet: (keyJobId: string): Promise<FailureSet> => readFailureSet(db, macs, keyJobId),

    /** The tenant key versions under which a key job has set cipherkeys aside; undefined: it is not known which. */
    async listVersions(keyJobId: string): Promise<(number | undefined)[]> {
      const rows = await db
        .selectFrom('key_job_failure_counts')
        .select('tenant_key_version as version')
        .distinct()
        .where('key_job_id', '=', keyJobId)
        .where(sql<boolean>`open + accepted > 0`)
        .orderBy('version')
        .execute()
      return rows.map(({ version }) => (version === 0 ? undefined : version))
    },

    /** Open failures by version and code, the most first. */
    async countOpen(keyJobId: string): Promise<OpenFailures[]> {
      const rows = await db
        .selectFrom('key_job_failure_counts')
        .select(['tenant_key_version as version', 'code', 'open as count'])
        .where('key_job_id', '=', keyJobId)
        .where('open', '>', 0)
        .orderBy('count', 'desc')
        .orderBy('version')
        .orderBy('code')
        .execute()
      return rows.map(({ version, ...row }) => ({
        ...row,
        tenantKeyVersion: version === 0 ? undefined : version,
      }))
    },

    /** Says anew why open failures do not open. Call it in a transaction. */
    async changeCodes(keyJobId: string, failures: readonly NewKeyJobFailure[]): Promise<void> {
      if (failures.length === 0) return
      const codes = new Map(failures.map((each) => [nameOf(each), each.code]))
      const changed = (await lockNamed(keyJobId, failures)).flatMap((row) => {
        const code = codes.get(nameOf(positionOf(row)))
        const isOther = acceptanceIn(row) === undefined && code !== undefined && code !== row.code
        return isOther ? [{ ...row, code }] : []
      })
      await write(keyJobId, changed)
    },

    /**
     * The same for the next open failures under a version that does not open. Answers where to go on; undefined: at the end.
     * Call it in a transaction of its own.
     */
    async changeCodesUnder(
      keyJobId: string,
      tenantKeyVersion: number,
      code: string,
      after?: CipherkeyPosition,
    ): Promise<CipherkeyPosition | undefined> {
      const beyond =
        after === undefined
          ? sql``
          : sql`and (f.data_key_id, f.version) > (${after.dataKeyId}::uuid, ${after.version}::integer)`
      await readInOrder(db)
      const { rows } = await sql<StoredFailure>`
        select ${failureColumns} from keyhold.key_job_failures f
        where f.key_job_id = ${keyJobId} and f.tenant_key_version = ${tenantKeyVersion} ${beyond}
        order by f.data_key_id, f.version limit ${pageRows} for update of f`.execute(db)
      const others = rows
        .map((row) => macs.verify('keyJobFailure', row))
        .filter((row) => acceptanceIn(row) === undefined && row.code !== code)
      await write(
        keyJobId,
        others.map((row) => ({ ...row, code })),
      )
      const last = rows.at(-1)
      return last && positionOf(last)
    },

    /** How many are set aside, as the database counts them: for display, and to wait for; nothing ends by it. */
    async count(keyJobId: string): Promise<FailureCounts> {
      return (await this.countOfEach([keyJobId])).get(keyJobId) ?? { open: 0, accepted: 0 }
    },

    /** How many failures there are by key job. Key jobs without failures are left out. */
    async countOfEach(keyJobIds: readonly string[]): Promise<Map<string, FailureCounts>> {
      if (keyJobIds.length === 0) return new Map()
      const { rows } = await sql<{ id: string } & FailureCounts>`
        select key_job_id as id, sum(open)::bigint as open, sum(accepted)::bigint as accepted
        from keyhold.key_job_failure_counts where key_job_id = any(${keyJobIds}::uuid[])
        group by 1 having sum(open + accepted) > 0`.execute(db)
      return new Map(rows.map(({ id, ...counts }) => [id, counts]))
    },

    /** How many of these cipherkeys a key job has set aside. */
    async countNamed(keyJobId: string, positions: CipherkeyPosition[]): Promise<number> {
      const { rows } = await sql<{ count: number }>`
        select count(*) as count from ${arraysOf(positions)} as p (data_key_id, version)
        join keyhold.key_job_failures f
          on f.key_job_id = ${keyJobId} and f.data_key_id = p.data_key_id and f.version = p.version`.execute(
        db,
      )
      return rows[0]?.count ?? 0
    },

    /**
     * Those of these cipherkeys that were accepted in a key job, are still wrapped as then, and encrypt no more: a name's
     * active version is needed until it is rotated.
     */
    async listDestroyable(
      tenantId: string,
      keyJobId: string,
      positions: CipherkeyPosition[],
    ): Promise<WrappedPosition[]> {
      const { rows } = await sql<StoredFailure>`
        select ${failureColumns} from ${arraysOf(positions)} as p (data_key_id, version)
        join keyhold.key_job_failures f on f.key_job_id = ${keyJobId} and f.data_key_id = p.data_key_id
          and f.version = p.version and f.accepted_at is not null
        join keyhold.cipherkeys c on c.tenant_id = ${tenantId} and c.data_key_id = f.data_key_id
          and c.version = f.version and c.tenant_key_version = f.tenant_key_version
        where c.state <> 'active' or c.key_name is null
        order by f.data_key_id, f.version`.execute(db)
      return (await onlyAcceptances(db, macs, tenantId, rows)).flatMap((row) =>
        row.tenant_key_version === null
          ? []
          : [{ ...positionOf(row), tenantKeyVersion: row.tenant_key_version }],
      )
    },

    /** In the order of the cipherkeys' primary key. */
    async list(
      tenantId: string,
      keyJobId: string,
      limit: number,
      after?: CipherkeyPosition,
    ): Promise<KeyJobFailure[]> {
      let query = db
        .selectFrom('key_job_failures as f')
        .leftJoin('cipherkeys as c', (join) =>
          join
            .on('c.tenant_id', '=', tenantId)
            .onRef('c.data_key_id', '=', 'f.data_key_id')
            .onRef('c.version', '=', 'f.version'),
        )
        .select(['c.key_name', ...columnsOfKind('keyJobFailure').map((column) => `f.${column}` as const)])
        .where('f.key_job_id', '=', keyJobId)
        .orderBy('f.data_key_id')
        .orderBy('f.version')
        .limit(limit)
      if (after !== undefined) {
        query = query.where((eb) =>
          eb(eb.refTuple('f.data_key_id', 'f.version'), '>', eb.tuple(after.dataKeyId, after.version)),
        )
      }
      const rows = await query.execute()
      return rows.map((row) => ({
        dataKeyId: row.data_key_id,
        version: row.version,
        keyName: row.key_name ?? undefined,
        tenantKeyVersion: row.tenant_key_version ?? undefined,
        code: row.code,
        createdAt: row.created_at,
        acceptedAt: row.accepted_at ?? undefined,
        acceptedBy: row.accepted_by ?? undefined,
        isTampered: macs.faultOf('keyJobFailure', row) !== undefined,
      }))
    },

    /** Forgets cipherkeys that open again, and answers how many there were. Call it in a transaction. */
    async delete(keyJobId: string, positions: CipherkeyPosition[]): Promise<number> {
      if (positions.length === 0) return 0
      const rows = await lockNamed(keyJobId, positions)
      if (rows.length === 0) return 0
      const { rows: deleted } = await sql`
        delete from keyhold.key_job_failures as f using ${arraysOf(rows.map(positionOf))} as p (data_key_id, version)
        where f.key_job_id = ${keyJobId} and f.data_key_id = p.data_key_id and f.version = p.version
          and ${inRangeOf(positions)}
        returning 1`.execute(db)
      return deleted.length
    },

    /** Forgets all, whoever wrote them. Call it under the fence. */
    async forgetAll(keyJobId: string): Promise<void> {
      await db.deleteFrom('key_job_failures').where('key_job_id', '=', keyJobId).execute()
    },

    /** Accepts open failures by name, and answers how many of them there were. Call it under the fence. */
    async accept(keyJobId: string, positions: CipherkeyPosition[], acceptedBy: string): Promise<number> {
      const open = (await lockNamed(keyJobId, positions)).filter((row) => acceptanceIn(row) === undefined)
      const accepted_at = clock.now()
      await write(
        keyJobId,
        open.map((row) => ({ ...row, accepted_at, accepted_by: acceptedBy })),
      )
      return open.length
    },
  }
}

// Cipherkeys that a key job has set aside because they do not open. Open failures hold the key job up before its end.
// Accepted ones stay behind, and with them the tenant key version that they name. An acceptance holds in later key jobs
// too, as long as the same version wraps the cipherkey.
import { sql, type RawBuilder } from 'kysely'
import type { CipherkeyPosition } from '../cipherkeys/cipherkeys.ts'
import type { Database } from '../database.ts'
import type { WrappedPosition } from '../destructions.ts'

export interface KeyJobFailure extends CipherkeyPosition {
  /** Undefined for a data key without a name. */
  keyName: string | undefined
  tenantKeyVersion: number | undefined
  code: string
  createdAt: Date
  acceptedAt: Date | undefined
  /** The API key that accepted it, by its id. */
  acceptedBy: string | undefined
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

/** The first acceptance of `p`, in any key job, under the version that wraps it now. */
const acceptanceOf = (tenantId: string) => sql`
  select f.accepted_at, f.accepted_by
  from keyhold.key_jobs j join keyhold.key_job_failures f on f.key_job_id = j.id
  where j.tenant_id = ${tenantId} and f.accepted_at is not null and f.data_key_id = p.data_key_id
    and f.version = p.version and f.tenant_key_version = p.tenant_key_version
  order by f.accepted_at limit 1`

function arraysOf(positions: CipherkeyPosition[]): RawBuilder<unknown> {
  return sql`unnest(${positions.map((each) => each.dataKeyId)}::uuid[], ${positions.map((each) => each.version)}::integer[])`
}

/** Those of these cipherkeys that the key job has set aside, locked in the order in which everybody locks them. */
function lockNamed(keyJobId: string, positions: CipherkeyPosition[]): RawBuilder<unknown> {
  return sql`select f.data_key_id, f.version from ${arraysOf(positions)} as p (data_key_id, version)
    join keyhold.key_job_failures f
      on f.key_job_id = ${keyJobId} and f.data_key_id = p.data_key_id and f.version = p.version
    order by f.data_key_id, f.version for update of f`
}

// Such a page of rows is changed in some tens of milliseconds.
const pageRows = 5_000

export function keyJobFailureQueries(db: Database) {
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
      const result = await sql`
        insert into keyhold.key_job_failures
          (key_job_id, data_key_id, version, tenant_key_version, code, accepted_at, accepted_by)
        select ${id}::uuid, p.data_key_id, p.version, p.tenant_key_version, p.code, a.accepted_at, a.accepted_by
        from ${failuresIn(failures)} left join lateral (${acceptanceOf(tenantId)}) a on true
        on conflict do nothing`.execute(db)
      return Number(result.numAffectedRows ?? 0n)
    },

    /** How many of these cipherkeys were accepted in a key job under the version that wraps them now. */
    async countAcceptedBefore(tenantId: string, failures: readonly NewKeyJobFailure[]): Promise<number> {
      if (failures.length === 0) return 0
      const { rows } = await sql<{ count: number }>`
        select count(*) as count from ${failuresIn(failures)}
        where exists (${acceptanceOf(tenantId)})`.execute(db)
      return rows[0]?.count ?? 0
    },

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

    /** Says anew why open failures do not open. */
    async changeCodes(keyJobId: string, failures: readonly NewKeyJobFailure[]): Promise<void> {
      if (failures.length === 0) return
      await sql`
        with locked as (
          select f.data_key_id, f.version, p.code from ${failuresIn(failures)}
          join keyhold.key_job_failures f
            on f.key_job_id = ${keyJobId} and f.data_key_id = p.data_key_id and f.version = p.version
          where f.accepted_at is null and f.code <> p.code
          order by f.data_key_id, f.version for update of f
        )
        update keyhold.key_job_failures as f set code = p.code from locked p
        where f.key_job_id = ${keyJobId} and f.data_key_id = p.data_key_id and f.version = p.version`.execute(
        db,
      )
    },

    /** The same for all open failures under a version that does not open: in pages, each in a transaction of its own. */
    async changeCodesUnder(keyJobId: string, tenantKeyVersion: number, code: string): Promise<void> {
      const others = (await this.countOpen(keyJobId)).filter(
        (each) => each.tenantKeyVersion === tenantKeyVersion && each.code !== code,
      )
      if (others.length === 0) return
      let after: CipherkeyPosition | undefined
      do {
        const { rows } = await sql<CipherkeyPosition>`
          with page as materialized (
            select data_key_id, version from keyhold.key_job_failures
            where key_job_id = ${keyJobId} and tenant_key_version = ${tenantKeyVersion}
              ${after === undefined ? sql`` : sql`and (data_key_id, version) > (${after.dataKeyId}::uuid, ${after.version}::integer)`}
            order by data_key_id, version limit ${pageRows}
          ), locked as (
            select f.data_key_id, f.version from page
            join keyhold.key_job_failures f on f.key_job_id = ${keyJobId} and f.data_key_id = page.data_key_id
              and f.version = page.version
            where f.accepted_at is null and f.code <> ${code}
            order by f.data_key_id, f.version for update of f
          ), changed as (
            update keyhold.key_job_failures f set code = ${code} from locked p
            where f.key_job_id = ${keyJobId} and f.data_key_id = p.data_key_id and f.version = p.version
          )
          select data_key_id as "dataKeyId", version from page
          order by data_key_id desc, version desc limit 1`.execute(db)
        after = rows[0]
      } while (after !== undefined)
    },

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
      const { rows } = await sql<{ data_key_id: string; version: number; tenant_key_version: number }>`
        select c.data_key_id, c.version, c.tenant_key_version from ${arraysOf(positions)} as p (data_key_id, version)
        join keyhold.key_job_failures f on f.key_job_id = ${keyJobId} and f.data_key_id = p.data_key_id
          and f.version = p.version and f.accepted_at is not null
        join keyhold.cipherkeys c on c.tenant_id = ${tenantId} and c.data_key_id = f.data_key_id
          and c.version = f.version and c.tenant_key_version = f.tenant_key_version
        where c.state <> 'active' or c.key_name is null
        order by 1, 2`.execute(db)
      return rows.map((row) => ({
        ...{ dataKeyId: row.data_key_id, version: row.version },
        tenantKeyVersion: row.tenant_key_version,
      }))
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
        .select([
          'f.data_key_id',
          'f.version',
          'f.tenant_key_version',
          'f.code',
          'f.created_at',
          'f.accepted_at',
          'f.accepted_by',
          'c.key_name',
        ])
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
      }))
    },

    /** Forgets cipherkeys that open again, and answers how many there were. */
    async delete(keyJobId: string, positions: CipherkeyPosition[]): Promise<number> {
      if (positions.length === 0) return 0
      const result = await sql`
        with locked as (${lockNamed(keyJobId, positions)})
        delete from keyhold.key_job_failures as f using locked p
        where f.key_job_id = ${keyJobId} and f.data_key_id = p.data_key_id and f.version = p.version`.execute(
        db,
      )
      return Number(result.numAffectedRows ?? 0n)
    },

    /** Accepts open failures by name, and answers how many of them there were. */
    async accept(keyJobId: string, positions: CipherkeyPosition[], acceptedBy: string): Promise<number> {
      const result = await sql`
        with locked as (${lockNamed(keyJobId, positions)})
        update keyhold.key_job_failures as f set accepted_at = now(), accepted_by = ${acceptedBy} from locked p
        where f.key_job_id = ${keyJobId} and f.data_key_id = p.data_key_id and f.version = p.version
          and f.accepted_at is null`.execute(db)
      return Number(result.numAffectedRows ?? 0n)
    },
  }
}

// Counts over all tenants, for metrics: few numbers, however many tenants and keys there are. No scrape counts a whole table:
// that is done seldom, by one replica, and kept in a row.
import { sql } from 'kysely'
import type { Database } from './database.ts'

export interface KeyCount {
  /** The state that the API shows, with `degraded`. */
  state: string
  /** The code of the error; undefined: healthy. */
  code: string | undefined
  keys: number
}

export interface MetricCounts {
  keys: KeyCount[]
  tenants: { locked: number; unlocked: number }
  keyJobs: { kind: string; phase: string; jobs: number }[]
  /** Running key jobs whose last try failed. */
  pausedKeyJobs: { code: string; jobs: number }[]
  /** Of running key jobs. */
  cipherkeys: { total: number; copied: number; verified: number; failed: number }
  openFailures: number
}

/** Counts that take longer the more tenants there are: they read whole tables. */
export type TableCounts = Pick<MetricCounts, 'keys' | 'tenants'> & { endedKeyJobs: MetricCounts['keyJobs'] }

/** How often whole tables are counted, for all replicas together. */
export interface CountingPace {
  /** Not sooner than this after the last time. */
  minMs: number
  /** And not sooner than this many times as long as the last time took: the share of the time that counting may take. */
  timesTook: number
}

export interface KeptTableCounts {
  counts: TableCounts | undefined
  /** Whether it is time to count again. */
  isOld: boolean
}

export function metricCountQueries(db: Database) {
  return {
    /** The last counts, by whichever replica; undefined: nobody has counted yet. */
    async findKept(pace: CountingPace): Promise<KeptTableCounts> {
      const { rows } = await sql<{ counts: TableCounts | null; is_old: boolean }>`
        select counts, ${isOld(pace)} as is_old from keyhold.metric_counts`.execute(db)
      const [row] = rows
      return { counts: row?.counts ?? undefined, isOld: row?.is_old ?? true }
    },

    /** In a transaction: counts and keeps it. Undefined: another replica is counting, or has just counted. */
    async countAnew(pace: CountingPace): Promise<TableCounts | undefined> {
      const { rows: claimed } = await sql`
        select from keyhold.metric_counts where ${isOld(pace)} for update skip locked`.execute(db)
      if (claimed.length === 0) return undefined
      const startMs = performance.now()
      const counts = await countTables(db)
      await sql`update keyhold.metric_counts set counted_at = clock_timestamp(),
        took_ms = ${performance.now() - startMs}, counts = ${JSON.stringify(counts)}::jsonb`.execute(db)
      return counts
    },

    countTables: () => countTables(db),
    /** Live key jobs as they are now. */
    countLive: () => countLive(db),
  }
}

function isOld({ minMs, timesTook }: CountingPace) {
  return sql<boolean>`coalesce(extract(epoch from clock_timestamp() - counted_at) * 1000
    >= greatest(${minMs}::float8, ${timesTook}::float8 * took_ms), true)`
}

/** One statement, so that all counts are of one moment. */
async function countTables(db: Database): Promise<TableCounts> {
  // A key has the state of its own region; it is degraded where that is away and another one has answered since.
  const { rows } = await sql<TableCounts>`
    select
      (select coalesce(json_agg(json_strip_nulls(row_to_json(c))), '[]') from (
        select s.state, s.code, count(*) as keys from (
          select h.code, case when h.state in ('throttled', 'unreachable') and exists (
            select from keyhold.key_health o
            where o.tenant_id = h.tenant_id and o.fingerprint = h.fingerprint and o.region <> h.region
              and o.state = 'healthy' and o.checked_at >= h.since
          ) then 'degraded' else h.state end as state
          from keyhold.key_health h
          join keyhold.key_providers k using (tenant_id, fingerprint)
          where h.region = split_part(k.key_arn, ':', 4)
        ) s group by s.state, s.code) c) as keys,
      (select json_build_object('locked', locked, 'unlocked', everyone - locked) from (
        select (select count(*) from keyhold.tenants) as everyone,
          (select count(*) from keyhold.tenant_locks) as locked) t) as tenants,
      (select coalesce(json_agg(j), '[]') from (
        select kind, phase, count(*) as jobs from keyhold.key_jobs where phase in ('done', 'aborted')
        group by kind, phase) j) as "endedKeyJobs"`.execute(db)
  const [counts = { keys: [], tenants: { locked: 0, unlocked: 0 }, endedKeyJobs: [] }] = rows
  return counts
}

/** By the index of live key jobs, of which a tenant has one at most. */
async function countLive(db: Database) {
  const { rows: keyJobs } = await sql<{ kind: string; phase: string; jobs: number }>`
    select kind, phase, count(*) as jobs from keyhold.key_jobs where phase not in ('done', 'aborted')
    group by kind, phase`.execute(db)
  const { rows: pausedKeyJobs } = await sql<{ code: string; jobs: number }>`
    select last_error ->> 'code' as code, count(*) as jobs from keyhold.key_jobs
    where phase not in ('done', 'aborted') and last_error is not null group by 1`.execute(db)
  const { rows: cipherkeys } = await sql<MetricCounts['cipherkeys'] & { open: number }>`
    select coalesce(sum(total), 0)::bigint as total, coalesce(sum(copied), 0)::bigint as copied,
      coalesce(sum(verified), 0)::bigint as verified, coalesce(sum(failed), 0)::bigint as failed,
      (select coalesce(sum(f.open), 0)::bigint from keyhold.key_job_failure_counts f
        join keyhold.key_jobs j on j.id = f.key_job_id where j.phase not in ('done', 'aborted')) as open
    from keyhold.key_jobs where phase not in ('done', 'aborted')`.execute(db)
  const [{ open, ...running } = { total: 0, copied: 0, verified: 0, failed: 0, open: 0 }] = cipherkeys
  return { keyJobs, pausedKeyJobs, cipherkeys: running, openFailures: open }
}

// Counts over all tenants, for metrics: few numbers, however many tenants and keys there are.
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

export function metricCountQueries(db: Database) {
  return {
    async read(): Promise<MetricCounts> {
      // A key has the state of its own region; it is degraded where that is away and another one has answered since.
      const { rows: keys } = await sql<{ state: string; code: string | null; keys: number }>`
        select s.state, s.code, count(*) as keys from (
          select h.code, case when h.state in ('throttled', 'unreachable') and exists (
            select from keyhold.key_health o
            where o.tenant_id = h.tenant_id and o.fingerprint = h.fingerprint and o.region <> h.region
              and o.state = 'healthy' and o.checked_at >= h.since
          ) then 'degraded' else h.state end as state
          from keyhold.key_health h
          join keyhold.key_providers k using (tenant_id, fingerprint)
          where h.region = split_part(k.key_arn, ':', 4)
        ) s group by s.state, s.code`.execute(db)
      const { rows: tenants } = await sql<{ all: number; locked: number }>`
        select (select count(*) from keyhold.tenants) as all,
          (select count(*) from keyhold.tenant_locks) as locked`.execute(db)
      const { rows: keyJobs } = await sql<{ kind: string; phase: string; jobs: number }>`
        select kind, phase, count(*) as jobs from keyhold.key_jobs group by kind, phase`.execute(db)
      const { rows: pausedKeyJobs } = await sql<{ code: string; jobs: number }>`
        select last_error ->> 'code' as code, count(*) as jobs from keyhold.key_jobs
        where phase not in ('done', 'aborted') and last_error is not null group by 1`.execute(db)
      const { rows: cipherkeys } = await sql<MetricCounts['cipherkeys'] & { open: number }>`
        select coalesce(sum(total), 0)::bigint as total, coalesce(sum(copied), 0)::bigint as copied,
          coalesce(sum(verified), 0)::bigint as verified, coalesce(sum(failed), 0)::bigint as failed,
          (select count(*) from keyhold.key_job_failures f join keyhold.key_jobs j on j.id = f.key_job_id
            where f.accepted_at is null and j.phase not in ('done', 'aborted')) as open
        from keyhold.key_jobs where phase not in ('done', 'aborted')`.execute(db)
      const [{ all, locked } = { all: 0, locked: 0 }] = tenants
      const [{ open, ...running } = { total: 0, copied: 0, verified: 0, failed: 0, open: 0 }] = cipherkeys
      return {
        keys: keys.map((row) => ({ ...row, code: row.code ?? undefined })),
        tenants: { locked, unlocked: all - locked },
        keyJobs,
        pausedKeyJobs,
        cipherkeys: running,
        openFailures: open,
      }
    },
  }
}

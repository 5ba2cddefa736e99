// Calls to AWS KMS, counted by day and tenant.
import { sql } from 'kysely'
import { isDueOnBothClocks, type DatabaseClock } from './database-clock.ts'
import type { Database } from './database.ts'

/** The payer of a call: Keyhold's own account, or the account of a customer's role. */
export type KmsPayer = 'keyhold' | 'customer'

/** The counts of one kind of call. */
export interface KmsUsageRow {
  tenantId: string
  /** In UTC, in the form 2026-11-23. */
  day: string
  region: string
  /** The account of the key. */
  account: string
  action: string
  /** `ok`, or the code of the error. */
  outcome: string
  paidBy: KmsPayer
  calls: number
  /** The requests that were sent for them, with repetitions by the AWS SDK. */
  requests: number
}

export type KmsUsageOfAll = Omit<KmsUsageRow, 'tenantId' | 'account'>

/** Days, both included. */
export interface DayRange {
  from: string
  to: string
}

// A statement may have far more parameters than these need.
const maxRowsPerStatement = 500
const forgottenAtOnce = 10_000

export function kmsUsageQueries(db: Database, clock: DatabaseClock) {
  const within = ({ from, to }: DayRange) => sql<boolean>`day between ${from}::date and ${to}::date`
  const counts = {
    calls: sql<number>`sum(calls)::bigint`.as('calls'),
    requests: sql<number>`sum(requests)::bigint`.as('requests'),
  }
  const dayText = sql<string>`to_char(day, 'YYYY-MM-DD')`.as('day')

  return {
    /** Adds to the stored counts, in one order, since other replicas add to the same rows at the same time. */
    async add(rows: readonly KmsUsageRow[]): Promise<void> {
      const values = rows.map((row) => ({
        tenant_id: row.tenantId,
        day: row.day,
        region: row.region,
        account: row.account,
        action: row.action,
        outcome: row.outcome,
        paid_by: row.paidBy,
        calls: row.calls,
        requests: row.requests,
      }))
      for (let first = 0; first < values.length; first += maxRowsPerStatement) {
        await db
          .insertInto('kms_usage')
          .values(values.slice(first, first + maxRowsPerStatement))
          .onConflict((conflict) =>
            conflict
              .columns(['tenant_id', 'day', 'region', 'account', 'action', 'outcome', 'paid_by'])
              .doUpdateSet({
                calls: sql`kms_usage.calls + excluded.calls`,
                requests: sql`kms_usage.requests + excluded.requests`,
              }),
          )
          .execute()
      }
    },

    /** Of one tenant, the oldest day first. */
    async listOfTenant(tenantId: string, range: DayRange): Promise<KmsUsageRow[]> {
      const rows = await db
        .selectFrom('kms_usage')
        .select(['tenant_id', 'region', 'account', 'action', 'outcome', 'paid_by', 'calls', 'requests'])
        .select(dayText)
        .where('tenant_id', '=', tenantId)
        .where(within(range))
        .orderBy('kms_usage.day')
        .orderBy('region')
        .orderBy('account')
        .orderBy('action')
        .orderBy('outcome')
        .orderBy('paid_by')
        .execute()
      return rows.map(({ tenant_id, paid_by, ...row }) => ({ ...row, tenantId: tenant_id, paidBy: paid_by }))
    },

    /** Of all tenants together, the oldest day first. */
    async listOfAll(range: DayRange): Promise<KmsUsageOfAll[]> {
      const rows = await db
        .selectFrom('kms_usage')
        .select(['region', 'action', 'outcome', 'paid_by', dayText, counts.calls, counts.requests])
        .where(within(range))
        .groupBy(['kms_usage.day', 'region', 'action', 'outcome', 'paid_by'])
        .orderBy('kms_usage.day')
        .orderBy('region')
        .orderBy('action')
        .orderBy('outcome')
        .orderBy('paid_by')
        .execute()
      return rows.map(({ paid_by, ...row }) => ({ ...row, paidBy: paid_by }))
    },

    /** The tenants with the most requests, in descending order. */
    async listTenants(
      range: DayRange,
      limit: number,
    ): Promise<{ tenantId: string; calls: number; requests: number; paidRequests: number }[]> {
      const rows = await db
        .selectFrom('kms_usage')
        .select(['tenant_id', counts.calls, counts.requests])
        .select(sql<number>`coalesce(sum(requests) filter (where paid_by = 'keyhold'), 0)::bigint`.as('paid'))
        .where(within(range))
        .groupBy('tenant_id')
        .orderBy('requests', 'desc')
        .orderBy('tenant_id')
        .limit(limit)
        .execute()
      return rows.map(({ tenant_id, paid, ...row }) => ({ ...row, tenantId: tenant_id, paidRequests: paid }))
    },

    /** Deletes counts that are older than this many days, some at a time. Answers whether there may be more. */
    async forget(days: number): Promise<boolean> {
      // The day is over at midnight in UTC.
      const isOver = isDueOnBothClocks(clock, sql`((day + 1 + ${days}::int)::timestamp at time zone 'utc')`)
      const { numAffectedRows = 0n } = await sql`
        delete from keyhold.kms_usage where ctid = any (array(
          select ctid from keyhold.kms_usage
          where day < (now() at time zone 'utc')::date - ${days}::int and ${isOver}
          limit ${forgottenAtOnce} for update skip locked
        ))`.execute(db)
      return numAffectedRows === BigInt(forgottenAtOnce)
    },
  }
}

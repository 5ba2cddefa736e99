// Key jobs as stored, with the lead that one replica has.
import { KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import { isUniqueViolation, type Database } from '../database.ts'
import type { KeyJobKind, KeyJobPhase } from '../tables.ts'
import type { KeyJobError } from './key-job-json.ts'
import { columnsOf, keyJobFromRow, type KeyJobChanges, type KeyJobRow } from './key-job-row.ts'

export type { KeyJobError } from './key-job-json.ts'
export type { KeyJobChanges, KeyJobRow } from './key-job-row.ts'

const ended = ['done', 'aborted'] as const

export interface NewKeyJob {
  id: string
  tenantId: string
  kind: KeyJobKind
  sourceFingerprint: string
  sourceKeyArn: string
  sourceVersion: number
  targetFingerprint: string
  targetKeyArn: string
}

function selectUnled(db: Database) {
  return db
    .selectFrom('key_jobs')
    .select(['id', 'tenant_id'])
    .where('phase', 'not in', ended)
    .where(sql<boolean>`coalesce(lead_expires_at <= now(), true)`)
    .where(sql<boolean>`coalesce(retry_at <= now(), true)`)
}

export function keyJobQueries(db: Database) {
  return {
    /** @throws KeyholdError `ERR_MIGRATION_RUNNING` when the tenant has a live key job */
    async insert(job: NewKeyJob): Promise<KeyJobRow> {
      try {
        const row = await db
          .insertInto('key_jobs')
          .values({
            id: job.id,
            tenant_id: job.tenantId,
            kind: job.kind,
            phase: 'prepare',
            source_fingerprint: job.sourceFingerprint,
            source_key_arn: job.sourceKeyArn,
            source_version: job.sourceVersion,
            target_fingerprint: job.targetFingerprint,
            target_key_arn: job.targetKeyArn,
          })
          .returningAll()
          .executeTakeFirstOrThrow()
        return keyJobFromRow(row)
      } catch (error) {
        if (isUniqueViolation(error, 'key_jobs_one_live')) {
          throw new KeyholdError('ERR_MIGRATION_RUNNING', { cause: error })
        }
        throw error
      }
    },

    async find(tenantId: string, id: string): Promise<KeyJobRow | undefined> {
      const row = await db
        .selectFrom('key_jobs')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('id', '=', id)
        .executeTakeFirst()
      return row && keyJobFromRow(row)
    },

    /** The newest first; `before` is the id of the last one seen. */
    async list(tenantId: string, limit: number, before?: string): Promise<KeyJobRow[]> {
      let query = db
        .selectFrom('key_jobs')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .orderBy('id', 'desc')
        .limit(limit)
      if (before !== undefined) query = query.where('id', '<', before)
      return (await query.execute()).map(keyJobFromRow)
    },

    async findLive(tenantId: string): Promise<KeyJobRow | undefined> {
      const row = await db
        .selectFrom('key_jobs')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('phase', 'not in', ended)
        .executeTakeFirst()
      return row && keyJobFromRow(row)
    },

    /** The live key job, as long as nobody writes to it or to what hangs on it. Call it under `withFence`. */
    async lockLive(tenantId: string): Promise<KeyJobRow | undefined> {
      const row = await db
        .selectFrom('key_jobs')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('phase', 'not in', ended)
        .forUpdate()
        .executeTakeFirst()
      return row && keyJobFromRow(row)
    },

    /** The last completed migration; rotations do not count. */
    async findLastCompleted(tenantId: string): Promise<KeyJobRow | undefined> {
      const row = await db
        .selectFrom('key_jobs')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('kind', '=', 'migration')
        .where('phase', '=', 'done')
        .orderBy('completed_at', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row && keyJobFromRow(row)
    },

    /** When the last key job that needed a key provider ended; undefined: there was none. */
    async findLastEnd(tenantId: string, fingerprint: string): Promise<Date | undefined> {
      const row = await db
        .selectFrom('key_jobs')
        .select((eb) => eb.fn.max('completed_at').as('ended_at'))
        .where('tenant_id', '=', tenantId)
        .where((eb) =>
          eb.or([eb('source_fingerprint', '=', fingerprint), eb('target_fingerprint', '=', fingerprint)]),
        )
        .executeTakeFirst()
      return row?.ended_at ?? undefined
    },

    /** Live key jobs that nobody leads and whose pause, if any, is over. */
    async listUnled(): Promise<{ id: string; tenantId: string }[]> {
      const rows = await selectUnled(db).orderBy('created_at').execute()
      return rows.map((row) => ({ id: row.id, tenantId: row.tenant_id }))
    },

    /** Whether `listUnled` would answer any. */
    async existsUnled(): Promise<boolean> {
      return (await selectUnled(db).limit(1).executeTakeFirst()) !== undefined
    },

    /** Takes or renews the lead of a live key job for one replica; undefined when another has it or it has ended. */
    async takeLead(id: string, leaderId: string, leadSeconds: number): Promise<KeyJobRow | undefined> {
      const row = await db
        .updateTable('key_jobs')
        .set({ led_by: leaderId, lead_expires_at: sql`now() + make_interval(secs => ${leadSeconds})` })
        .where('id', '=', id)
        .where('phase', 'not in', ended)
        .where(sql<boolean>`(led_by = ${leaderId}::uuid or coalesce(lead_expires_at <= now(), true))`)
        .returningAll()
        .executeTakeFirst()
      return row && keyJobFromRow(row)
    },

    async giveUpLead(id: string, leaderId: string): Promise<void> {
      await db
        .updateTable('key_jobs')
        .set({ led_by: null, lead_expires_at: null })
        .where('id', '=', id)
        .where('led_by', '=', leaderId)
        .execute()
    },

    /** Says why the job cannot go on, and gives up the lead until `retrySeconds` have passed; false: it led no more. */
    async pause(id: string, leaderId: string, error: KeyJobError, retrySeconds: number): Promise<boolean> {
      const result = await db
        .updateTable('key_jobs')
        .set({
          last_error: JSON.stringify(error),
          led_by: null,
          lead_expires_at: null,
          retry_at: sql`now() + make_interval(secs => ${retrySeconds})`,
          retry_count: sql`retry_count + 1`,
        })
        .where('id', '=', id)
        .where('led_by', '=', leaderId)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    /**
     * Saves progress while the replica still leads and the job is still in `phase`, and forgets the last error.
     * Answers false otherwise: then the transaction must not commit.
     */
    async advance(
      id: string,
      leaderId: string,
      phase: KeyJobPhase,
      changes: KeyJobChanges,
    ): Promise<boolean> {
      const result = await db
        .updateTable('key_jobs')
        .set({
          ...columnsOf(changes),
          last_error: null,
          retry_at: null,
          retry_count: 0,
        })
        .where('id', '=', id)
        .where('led_by', '=', leaderId)
        .where('phase', '=', phase)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    /** Turns a live key job round, whatever replica leads it. Call it under `withFence`. */
    async startAborting(id: string): Promise<void> {
      await db
        .updateTable('key_jobs')
        .set({
          phase: 'aborting',
          cancelled_at: sql`now()`,
          copied_to_data_key_id: null,
          copied_to_version: null,
          copied: 0,
          verified: 0,
          verified_to: null,
          last_error: null,
          retry_at: null,
          retry_count: 0,
        })
        .where('id', '=', id)
        .execute()
    },

    /** Ends a live key job before its time, without a way back. Call it under `withFence`. */
    async end(id: string): Promise<void> {
      await db
        .updateTable('key_jobs')
        .set({
          phase: 'aborted',
          completed_at: sql`now()`,
          last_error: null,
          led_by: null,
          lead_expires_at: null,
        })
        .where('id', '=', id)
        .execute()
    },

    /** Ends a pause at once. */
    async endPause(id: string): Promise<void> {
      await db
        .updateTable('key_jobs')
        .set({ retry_at: null, retry_count: 0 })
        .where('id', '=', id)
        .where('phase', 'not in', ended)
        .execute()
    },

    /** Answers how many there were. */
    async deleteAll(tenantId: string): Promise<number> {
      const ofTenant = db.selectFrom('key_jobs').select('id').where('tenant_id', '=', tenantId)
      await db.deleteFrom('key_job_failures').where('key_job_id', 'in', ofTenant).execute()
      await db.deleteFrom('key_job_reports').where('key_job_id', 'in', ofTenant).execute()
      const result = await db.deleteFrom('key_jobs').where('tenant_id', '=', tenantId).executeTakeFirst()
      return Number(result.numDeletedRows)
    },
  }
}

// Key jobs, migrations and rotations, as stored, with the lease that names their one leader.
import { KeyholdError } from '@keyhold/core'
import { sql, type Selectable } from 'kysely'
import type { CipherkeyPosition } from '../cipherkeys/cipherkeys.ts'
import { isUniqueViolation, type Database } from '../database.ts'
import type { KeyJobKind, KeyJobPhase, Tables } from '../tables.ts'

export interface KeyJobRow {
  id: string
  tenantId: string
  kind: KeyJobKind
  phase: KeyJobPhase
  sourceFingerprint: string
  sourceKeyArn: string
  sourceVersion: number
  targetFingerprint: string
  targetKeyArn: string
  /** Undefined until the target's tenant key is made. */
  targetVersion: number | undefined
  /** The tenant's epoch from dual on. */
  epoch: number | undefined
  copiedTo: CipherkeyPosition | undefined
  total: number
  copied: number
  /** Cipherkeys set aside in this key job, accepted ones included. */
  failed: number
  /** Cipherkeys opened so far in the verification. */
  verified: number
  /** Where the verification goes on; undefined: at the beginning. As stored, like `lastError`. */
  verifiedTo: unknown
  /** What the verification found; undefined before its end. As stored, like `lastError`. */
  verification: unknown
  retryCount: number
  /** When a paused key job is tried again. */
  retryAt: Date | undefined
  copyStartedAt: Date | undefined
  copyEndedAt: Date | undefined
  cancelledAt: Date | undefined
  /** As stored: whoever shows it checks its shape. */
  lastError: unknown
  createdAt: Date
  completedAt: Date | undefined
}

export interface KeyJobError {
  code: string
  message: string
  /** RFC 3339. */
  at: string
}

function fromRow(row: Selectable<Tables['key_jobs']>): KeyJobRow {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    kind: row.kind,
    phase: row.phase,
    sourceFingerprint: row.source_fingerprint,
    sourceKeyArn: row.source_key_arn,
    sourceVersion: row.source_version,
    targetFingerprint: row.target_fingerprint,
    targetKeyArn: row.target_key_arn,
    targetVersion: row.target_version ?? undefined,
    epoch: row.epoch ?? undefined,
    copiedTo:
      row.copied_to_data_key_id === null || row.copied_to_version === null
        ? undefined
        : { dataKeyId: row.copied_to_data_key_id, version: row.copied_to_version },
    total: row.total,
    copied: row.copied,
    failed: row.failed,
    verified: row.verified,
    verifiedTo: row.verified_to ?? undefined,
    verification: row.verification ?? undefined,
    retryCount: row.retry_count,
    retryAt: row.retry_at ?? undefined,
    copyStartedAt: row.copy_started_at ?? undefined,
    copyEndedAt: row.copy_ended_at ?? undefined,
    cancelledAt: row.cancelled_at ?? undefined,
    lastError: row.last_error ?? undefined,
    createdAt: row.created_at,
    completedAt: row.completed_at ?? undefined,
  }
}

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

export interface KeyJobChanges {
  phase?: KeyJobPhase
  targetVersion?: number
  epoch?: number
  copiedTo?: CipherkeyPosition | null
  total?: number
  copiedMore?: number
  failed?: number
  verified?: number
  /** Null: the verification is to begin anew. */
  verifiedTo?: object | null
  verification?: unknown
  copyStartedAt?: Date
  copyEndedAt?: Date
  completedAt?: Date
}

function selectUnled(db: Database) {
  return db
    .selectFrom('key_jobs')
    .select(['id', 'tenant_id'])
    .where('phase', 'not in', ended)
    .where(sql<boolean>`coalesce(lease_expires_at <= now(), true)`)
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
        return fromRow(row)
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
      return row && fromRow(row)
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
      return (await query.execute()).map(fromRow)
    },

    async findLive(tenantId: string): Promise<KeyJobRow | undefined> {
      const row = await db
        .selectFrom('key_jobs')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('phase', 'not in', ended)
        .executeTakeFirst()
      return row && fromRow(row)
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
      return row && fromRow(row)
    },

    /** When the last key job ended that needed a key provider; undefined: there was none. */
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
        .set({ leased_by: leaderId, lease_expires_at: sql`now() + make_interval(secs => ${leadSeconds})` })
        .where('id', '=', id)
        .where('phase', 'not in', ended)
        .where(sql<boolean>`(leased_by = ${leaderId}::uuid or coalesce(lease_expires_at <= now(), true))`)
        .returningAll()
        .executeTakeFirst()
      return row && fromRow(row)
    },

    async giveUpLead(id: string, leaderId: string): Promise<void> {
      await db
        .updateTable('key_jobs')
        .set({ leased_by: null, lease_expires_at: null })
        .where('id', '=', id)
        .where('leased_by', '=', leaderId)
        .execute()
    },

    /** Says why the job cannot go on, and gives up the lead until `retrySeconds` have passed; false: it led no more. */
    async pause(id: string, leaderId: string, error: KeyJobError, retrySeconds: number): Promise<boolean> {
      const result = await db
        .updateTable('key_jobs')
        .set({
          last_error: JSON.stringify(error),
          leased_by: null,
          lease_expires_at: null,
          retry_at: sql`now() + make_interval(secs => ${retrySeconds})`,
          retry_count: sql`retry_count + 1`,
        })
        .where('id', '=', id)
        .where('leased_by', '=', leaderId)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    /**
     * Saves progress while the replica still leads and the job is still in `phase`, and forgets the last error.
     * Answers false when it is not: then the transaction must not commit. With anything that is copied the verification
     * begins anew.
     */
    async advance(
      id: string,
      leaderId: string,
      phase: KeyJobPhase,
      changes: KeyJobChanges,
    ): Promise<boolean> {
      const isCopying = changes.copiedTo !== undefined || changes.copiedMore !== undefined
      const verifiedTo = isCopying ? null : changes.verifiedTo
      const result = await db
        .updateTable('key_jobs')
        .set({
          ...(changes.phase !== undefined && { phase: changes.phase }),
          ...(changes.targetVersion !== undefined && { target_version: changes.targetVersion }),
          ...(changes.epoch !== undefined && { epoch: changes.epoch }),
          ...(changes.copiedTo !== undefined && {
            copied_to_data_key_id: changes.copiedTo?.dataKeyId ?? null,
            copied_to_version: changes.copiedTo?.version ?? null,
          }),
          ...(changes.total !== undefined && { total: changes.total }),
          ...(changes.copiedMore !== undefined && { copied: sql`copied + ${changes.copiedMore}` }),
          ...(changes.failed !== undefined && { failed: changes.failed }),
          ...(isCopying && { verified: 0 }),
          ...(changes.verified !== undefined && { verified: changes.verified }),
          ...(verifiedTo !== undefined && {
            verified_to: verifiedTo === null ? null : JSON.stringify(verifiedTo),
          }),
          ...(changes.verification !== undefined && { verification: JSON.stringify(changes.verification) }),
          ...(changes.copyStartedAt !== undefined && {
            copy_started_at: sql`coalesce(copy_started_at, ${changes.copyStartedAt})`,
          }),
          ...(changes.copyEndedAt !== undefined && { copy_ended_at: changes.copyEndedAt }),
          ...(changes.completedAt !== undefined && { completed_at: changes.completedAt }),
          last_error: null,
          retry_at: null,
          retry_count: 0,
        })
        .where('id', '=', id)
        .where('leased_by', '=', leaderId)
        .where('phase', '=', phase)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    /** Turns a live key job round, whoever leads it. To be called under `lockFence`. */
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

    /** Ends a rotation whose place a migration takes. To be called under `lockFence`. */
    async supersede(id: string): Promise<void> {
      await db
        .updateTable('key_jobs')
        .set({
          phase: 'aborted',
          completed_at: sql`now()`,
          last_error: null,
          leased_by: null,
          lease_expires_at: null,
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

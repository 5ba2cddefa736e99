// Key jobs as stored, with the lead that one replica has. What decides is a row that was verified: SQL finds it, and the fence
// of its tenant says which one is live.
import { KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import type { DatabaseClock } from '../database-clock.ts'
import { withoutEndlessTimes } from '../authentic/without-endless-times.ts'
import { isUniqueViolation, type Database } from '../database.ts'
import { readCovered, type CoverParts } from '../fence/covered-rows.ts'
import type { HeldFence } from '../fence/held-fence.ts'
import type { KeyJobKind, KeyJobPhase } from '../tables.ts'
import {
  countOff,
  endEarly,
  sayError,
  takeStep,
  turnRound,
  type ChangedKeyJob,
  type KeyJobChanges,
  type KeyJobColumns,
} from './change-key-job.ts'
import type { KeyJobError } from './key-job-json.ts'
import {
  faultOfKeyJob,
  keyJobFromRow,
  verifyKeyJob,
  verifyProgress,
  type KeyJobRow,
  type ListedKeyJob,
  type StoredKeyJob,
} from './key-job-row.ts'

export type { KeyJobChanges } from './change-key-job.ts'
export type { KeyJobError } from './key-job-json.ts'
export type { KeyJobRow, ListedKeyJob } from './key-job-row.ts'

const ended: readonly KeyJobPhase[] = ['done', 'aborted']

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

/** A key job in the hands of the run that leads it. */
export interface LedKeyJob extends KeyJobRow {
  /**
   * The row as this run read and verified it, with what it has saved since: what it saves next is made of that, whatever the
   * database shows meanwhile. A transaction that is undone makes it wrong; then the run must take the lead anew.
   */
  memory: { row: StoredKeyJob }
  /** The key job as it is after the last `advance`; its own members stay as they were when the lead was taken. */
  current(): KeyJobRow
}

// Somebody may turn a key job round while its leader pauses it.
const maxPauseAttempts = 3

function selectUnled(db: Database) {
  return db
    .selectFrom('key_jobs')
    .select(['id', 'tenant_id'])
    .where('phase', 'not in', ended)
    .where(sql<boolean>`coalesce(lead_expires_at <= now(), true)`)
    .where(sql<boolean>`coalesce(retry_at <= now(), true)`)
}

export function keyJobQueries(db: Database, clock: DatabaseClock, cover: CoverParts) {
  const { held } = cover
  const { macs } = cover.fences

  /** The transaction that begins or ends a key job, or turns it round, tells the fence. */
  function fenceOf(tenantId: string): HeldFence {
    if (held?.tenantId === tenantId) return held
    throw new TypeError(`the fence of tenant ${tenantId} is not held alone`)
  }

  /** A time to be signed. */
  const now = () => held?.now ?? clock.now()

  function endIn(fence: HeldFence, id: string): void {
    fence.manifest.delete('keyJobTerms', id)
    if (fence.row?.live_job_id === id) fence.change({ live_job_id: null })
  }

  /**
   * The live key job, read in one statement with the fence that says which one it is. Before the adoption the fence does not
   * say it, and the row itself does.
   */
  async function findLive(tenantId: string): Promise<StoredKeyJob | undefined> {
    const covered = await readCovered<StoredKeyJob>(
      db,
      cover,
      tenantId,
      sql`select row_number() over (order by id) as place, j.* from keyhold.key_jobs j
        where tenant_id = ${tenantId} and phase not in ('done', 'aborted')`,
    )
    const { fence, rows } = covered
    const liveId = macs.requiresMacs() ? fence?.stated?.liveJobId : rows[0]?.id
    if (liveId === undefined) return undefined
    const row = rows.find(({ id }) => id === liveId)
    if (row === undefined) {
      const named = { id: liveId, tenant_id: tenantId }
      macs.reject('keyJobProgress', named, 'incomplete')
      return undefined
    }
    covered.verify('keyJobTerms', row.id, row)
    return verifyProgress(macs, row)
  }

  /** @param tenantId - the one that was asked for, if one was */
  function listed(row: StoredKeyJob, tenantId = row.tenant_id): ListedKeyJob {
    return {
      ...keyJobFromRow(withoutEndlessTimes(row), macs),
      isTampered: faultOfKeyJob(macs, row, { tenant_id: tenantId }) !== undefined,
    }
  }

  /** A row that nobody else changes until the transaction ends. */
  async function lock(id: string): Promise<StoredKeyJob> {
    const row = await db
      .selectFrom('key_jobs')
      .selectAll()
      .where('id', '=', id)
      .forUpdate()
      .executeTakeFirstOrThrow()
    return verifyKeyJob(macs, row, { id })
  }

  async function write({ row, columns }: ChangedKeyJob): Promise<void> {
    await db
      .updateTable('key_jobs')
      .set(columns)
      .where('id', '=', row.id)
      .returning('id')
      .executeTakeFirstOrThrow()
  }

  /** Writes only while the row is as it was, and its run leads it. */
  async function writeLed(before: StoredKeyJob, leaderId: string, columns: KeyJobColumns): Promise<boolean> {
    const written = await db
      .updateTable('key_jobs')
      .set(columns)
      .where('id', '=', before.id)
      .where('led_by', '=', leaderId)
      .where('phase', '=', before.phase)
      .where('progress_mac', 'is not distinct from', before.progress_mac)
      .returning('id')
      .executeTakeFirst()
    return written !== undefined
  }

  return {
    /**
     * Begins a key job. Call it under `withFence`.
     *
     * @throws KeyholdError `ERR_MIGRATION_RUNNING` when the tenant has a live key job
     */
    async insert(job: NewKeyJob): Promise<KeyJobRow> {
      const fence = fenceOf(job.tenantId)
      const begun: StoredKeyJob = {
        id: job.id,
        tenant_id: job.tenantId,
        kind: job.kind,
        phase: 'prepare',
        source_fingerprint: job.sourceFingerprint,
        source_key_arn: job.sourceKeyArn,
        source_version: job.sourceVersion,
        target_fingerprint: job.targetFingerprint,
        target_key_arn: job.targetKeyArn,
        created_at: now(),
        ...{ total: 0, copied: 0, failed: 0, verified: 0, retry_count: 0 },
        ...{ target_version: null, epoch: null, copied_to_data_key_id: null, copied_to_version: null },
        ...{ cancelled_at: null, copy_started_at: null, copy_ended_at: null, completed_at: null },
        ...{ led_by: null, lead_expires_at: null, retry_at: null, last_error: null },
        ...{ verification: null, verified_to: null, json_digests: null, failures_digest: null },
        ...{ mac: null, progress_mac: null },
      }
      const mac = macs.sign('keyJobTerms', begun)
      const row = { ...begun, mac, progress_mac: macs.sign('keyJobProgress', begun) }
      try {
        await db
          .insertInto('key_jobs')
          .values({ ...row, last_error: null, verification: null, verified_to: null })
          .execute()
      } catch (error) {
        if (isUniqueViolation(error, 'key_jobs_one_live')) {
          throw new KeyholdError('ERR_MIGRATION_RUNNING', { cause: error })
        }
        throw error
      }
      fence.manifest.set('keyJobTerms', job.id, mac)
      fence.change({ live_job_id: job.id })
      return keyJobFromRow(row, macs)
    },

    /** @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` */
    async find(tenantId: string, id: string): Promise<KeyJobRow | undefined> {
      const row = await db
        .selectFrom('key_jobs')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .where('id', '=', id)
        .executeTakeFirst()
      return row && keyJobFromRow(verifyKeyJob(macs, row, { id, tenant_id: tenantId }), macs)
    },

    /** The newest first; `before` is the id of the last one seen. */
    async list(tenantId: string, limit: number, before?: string): Promise<ListedKeyJob[]> {
      let query = db
        .selectFrom('key_jobs')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .orderBy('id', 'desc')
        .limit(limit)
      if (before !== undefined) query = query.where('id', '<', before)
      return (await query.execute()).map((row) => listed(row, tenantId))
    },

    /** Those of all tenants that have not ended, the newest first; each as its row shows it. */
    async listLive(limit: number, before?: string): Promise<ListedKeyJob[]> {
      let query = db
        .selectFrom('key_jobs')
        .selectAll()
        .where('phase', 'not in', ended)
        .orderBy('id', 'desc')
        .limit(limit)
      if (before !== undefined) query = query.where('id', '<', before)
      return (await query.execute()).map((row) => listed(row))
    },

    /** Of these tenants, the key jobs that have not ended. */
    async listLiveOf(tenantIds: readonly string[]): Promise<ListedKeyJob[]> {
      const rows = await db
        .selectFrom('key_jobs')
        .selectAll()
        .where('phase', 'not in', ended)
        .where('tenant_id', '=', sql<string>`any(${tenantIds})`)
        .execute()
      return rows.map((row) => listed(row))
    },

    /** @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` */
    async findLive(tenantId: string): Promise<KeyJobRow | undefined> {
      const row = await findLive(tenantId)
      return row && keyJobFromRow(row, macs)
    },

    /** The live key job, as long as nobody writes to it or to what hangs on it. Call it under `withFence`. */
    async lockLive(tenantId: string): Promise<KeyJobRow | undefined> {
      const row = await findLive(tenantId)
      return row && keyJobFromRow(await lock(row.id), macs)
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
      return row && keyJobFromRow(verifyKeyJob(macs, row, { tenant_id: tenantId }), macs)
    },

    /** When the last key job that needed a key provider ended; undefined: there was none. */
    async findLastEnd(tenantId: string, fingerprint: string): Promise<Date | undefined> {
      const rows = await db
        .selectFrom('key_jobs')
        .selectAll()
        .where('tenant_id', '=', tenantId)
        .orderBy('id')
        .execute()
      const ends = rows
        .map((row) => verifyKeyJob(macs, row, { tenant_id: tenantId }))
        .filter((row) => row.source_fingerprint === fingerprint || row.target_fingerprint === fingerprint)
        .map((row) => row.completed_at)
        .filter((end) => end !== null)
      return ends.length === 0 ? undefined : new Date(Math.max(...ends.map((end) => end.getTime())))
    },

    /**
     * Live key jobs that nobody leads and whose pause, if any, is over. Nothing is verified here: whoever takes the lead does
     * that.
     */
    async listUnled(): Promise<{ id: string; tenantId: string }[]> {
      const rows = await selectUnled(db).orderBy('created_at').execute()
      return rows.map((row) => ({ id: row.id, tenantId: row.tenant_id }))
    },

    /** Whether `listUnled` would answer any. */
    async existsUnled(): Promise<boolean> {
      return (await selectUnled(db).limit(1).executeTakeFirst()) !== undefined
    },

    /**
     * Takes or renews the lead of a live key job for one replica; undefined when another has it or it has ended. If it
     * throws, this replica may have the lead, and must pause the key job or give it up.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED`, `ERR_SEALED`
     */
    async takeLead(id: string, leaderId: string, leadSeconds: number): Promise<LedKeyJob | undefined> {
      const taken = await db
        .updateTable('key_jobs')
        .set({ led_by: leaderId, lead_expires_at: sql`now() + make_interval(secs => ${leadSeconds})` })
        .where('id', '=', id)
        .where('phase', 'not in', ended)
        .where(sql<boolean>`(led_by = ${leaderId}::uuid or coalesce(lead_expires_at <= now(), true))`)
        .returning('tenant_id')
        .executeTakeFirst()
      if (taken === undefined) return undefined
      const covered = await readCovered<StoredKeyJob>(
        db,
        cover,
        taken.tenant_id,
        sql`select 1 as place, j.* from keyhold.key_jobs j where id = ${id}`,
      )
      const [row] = covered.rows
      // It has ended in between, or its lead was taken away.
      if (row?.led_by !== leaderId || ended.includes(row.phase)) return undefined
      covered.verify('keyJobTerms', id, row)
      const verified = verifyProgress(macs, row)
      const liveId = covered.fence?.stated?.liveJobId
      if (macs.requiresMacs() && liveId !== id) macs.reject('keyJobProgress', verified, 'older')
      const memory: LedKeyJob['memory'] = { row: verified }
      return { ...keyJobFromRow(verified, macs), memory, current: () => keyJobFromRow(memory.row, macs) }
    },

    /** Whether a run still leads a key job, and nobody else has saved anything of it. */
    async isLed({ id, memory }: LedKeyJob, leaderId: string): Promise<boolean> {
      const row = await db
        .selectFrom('key_jobs')
        .select(['led_by', 'phase', 'progress_mac'])
        .where('id', '=', id)
        .executeTakeFirst()
      const { phase, progress_mac: mac } = memory.row
      if (row?.led_by !== leaderId || row.phase !== phase) return false
      return mac === null ? row.progress_mac === null : row.progress_mac?.equals(mac) === true
    },

    async giveUpLead(id: string, leaderId: string): Promise<void> {
      await db
        .updateTable('key_jobs')
        .set({ led_by: null, lead_expires_at: null })
        .where('id', '=', id)
        .where('led_by', '=', leaderId)
        .execute()
    },

    /**
     * Says why the job cannot go on, and gives up the lead until `retrySeconds` have passed; false: it led no more. It never
     * signs what it cannot verify: then the error stands there unsigned.
     */
    async pause(id: string, leaderId: string, error: KeyJobError, retrySeconds: number): Promise<boolean> {
      const told = { ...error, message: error.message.toWellFormed() }
      const paused = {
        last_error: JSON.stringify(told),
        led_by: null,
        lead_expires_at: null,
        retry_at: sql<Date>`now() + make_interval(secs => ${retrySeconds})`,
        retry_count: sql<number>`retry_count + 1`,
      }
      for (let attempt = 1; attempt <= maxPauseAttempts; attempt++) {
        const row = await db
          .selectFrom('key_jobs')
          .selectAll()
          .where('id', '=', id)
          .where('led_by', '=', leaderId)
          .executeTakeFirst()
        if (row === undefined) return false
        const isSigned = faultOfKeyJob(macs, row, { id }) === undefined
        const signed = isSigned ? sayError(macs, row, told).columns : {}
        if (await writeLed(row, leaderId, { ...signed, ...paused })) return true
        // Somebody has turned it round in between.
      }
      return false
    },

    /**
     * Saves progress while the replica still leads and the job is as the replica knows it, and forgets the last error.
     * Answers false otherwise: then the transaction must not commit. Call it under `withFence` if the job ends.
     */
    async advance(job: LedKeyJob, leaderId: string, changes: KeyJobChanges): Promise<boolean> {
      const before = job.memory.row
      const { row, columns } = takeStep(macs, before, changes, now())
      const fence = ended.includes(row.phase) ? fenceOf(row.tenant_id) : undefined
      if (!(await writeLed(before, leaderId, columns))) return false
      if (fence !== undefined) endIn(fence, row.id)
      job.memory.row = row
      return true
    },

    /** Turns a live key job round, whatever replica leads it. Call it under `withFence`. */
    async startAborting(id: string): Promise<void> {
      const row = await lock(id)
      const fence = fenceOf(row.tenant_id)
      const turned = turnRound(macs, row, now())
      await write(turned)
      if (turned.row.mac !== null) fence.manifest.set('keyJobTerms', id, turned.row.mac)
    },

    /**
     * Sends a live key job back to its copying, with nothing set aside: it finds out anew what does not open. Whoever leads it
     * loses the lead. Call it under `withFence`, for one that copies, verifies, or is at its end.
     */
    async beginAnew(id: string): Promise<void> {
      const row = await lock(id)
      const phase = row.phase === 'aborting' ? row.phase : 'copy'
      const { columns } = takeStep(macs, row, { phase, copiedTo: null, failedMore: -row.failed }, now())
      await write({ row, columns: { ...columns, led_by: null, lead_expires_at: null } })
    },

    /** Keeps everybody from saving progress until the transaction ends, and answers the key job. */
    async hold(id: string): Promise<KeyJobRow> {
      return keyJobFromRow(await lock(id), macs)
    },

    /** Ends a live key job before its time, without a way back. Call it under `withFence`. */
    async end(id: string): Promise<void> {
      const row = await lock(id)
      const fence = fenceOf(row.tenant_id)
      await write(endEarly(macs, row, now()))
      endIn(fence, id)
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

    /** Counts failures off that are no longer there. Call it under the fence, for a key job that has ended. */
    async countOff(id: string, failures: number): Promise<void> {
      await write(countOff(macs, await lock(id), failures))
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

// The draft of a tenant's key set-up. Each change names the version that it has seen, so that two people do not write over each other.
import { sql } from 'kysely'
import { isDueOnBothClocks, type DatabaseClock } from '../database-clock.ts'
import type { RowMacs } from '../authentic/row-macs.ts'
import { columnsOfKind, type StoredRow } from '../authentic/steering-kinds.ts'
import { readWritingTime } from '../authentic/writing-time.ts'
import type { Database } from '../database.ts'

export interface SetupDraft {
  tenantId: string
  /** It rises with each change, also over the end of a draft and the begin of the next. */
  version: number
  step: string
  /** JSON. */
  choices: string
  createdBy: string
  createdAt: Date
  changedBy: string
  changedAt: Date
  expiresAt: Date
}

const msPerDay = 86_400_000
const forgottenAtOnce = 1_000

export function setupDraftQueries(db: Database, { macs, clock }: { macs: RowMacs; clock: DatabaseClock }) {
  const columns = columnsOfKind('setupDraft')
  const select = (tenantId: string) =>
    db.selectFrom('setup_drafts').select(columns).where('tenant_id', '=', tenantId)

  function verified(tenantId: string, row: StoredRow<'setupDraft'> | undefined): SetupDraft | undefined {
    if (row === undefined) return undefined
    const authentic = macs.verify('setupDraft', row)
    if (authentic.tenant_id !== tenantId) macs.reject('setupDraft', row, 'forged')
    return {
      ...{ tenantId, version: authentic.version, step: authentic.step, choices: authentic.choices },
      ...{ createdBy: authentic.created_by, createdAt: authentic.created_at },
      ...{ changedBy: authentic.changed_by, changedAt: authentic.changed_at },
      expiresAt: authentic.expires_at,
    }
  }

  return {
    /**
     * Undefined: there is none, or it has expired.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
     */
    async find(tenantId: string): Promise<SetupDraft | undefined> {
      const draft = verified(tenantId, await select(tenantId).executeTakeFirst())
      return draft !== undefined && draft.expiresAt > clock.now() ? draft : undefined
    },

    /**
     * Answers the draft as it is now; undefined: it is not as it was seen, and nothing was changed.
     *
     * @param seen - the version that the caller has seen; 0: there was none
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
     */
    async save(
      tenantId: string,
      seen: number,
      { days, changedBy, ...content }: { step: string; choices: string; changedBy: string; days: number },
    ): Promise<SetupDraft | undefined> {
      const before = verified(tenantId, await select(tenantId).forUpdate().executeTakeFirst())
      const at = await readWritingTime(db)
      const live = before !== undefined && before.expiresAt > at ? before : undefined
      if ((live?.version ?? 0) !== seen) return undefined
      const row = {
        tenant_id: tenantId,
        version: Math.max((before?.version ?? 0) + 1, at.getTime()),
        ...content,
        created_by: live?.createdBy ?? changedBy,
        created_at: live?.createdAt ?? at,
        changed_by: changedBy,
        changed_at: at,
        expires_at: new Date(at.getTime() + days * msPerDay),
      }
      const signed = { ...row, mac: macs.sign('setupDraft', row) }
      // Where there was none, somebody else may make one at this moment: then this one is not made.
      const written = await db
        .insertInto('setup_drafts')
        .values(signed)
        .onConflict((conflict) =>
          conflict
            .column('tenant_id')
            .doUpdateSet(signed)
            .where('setup_drafts.version', '=', before?.version ?? 0),
        )
        .returning('tenant_id')
        .executeTakeFirst()
      return written === undefined ? undefined : verified(tenantId, signed)
    },

    /** Answers whether there was one. A faulty one is deleted like any other. */
    async delete(tenantId: string): Promise<boolean> {
      const { numDeletedRows } = await db
        .deleteFrom('setup_drafts')
        .where('tenant_id', '=', tenantId)
        .executeTakeFirstOrThrow()
      return numDeletedRows > 0n
    },

    /** Deletes drafts that have expired, some at a time. Answers whether there may be more. */
    async forgetExpired(): Promise<boolean> {
      const { numAffectedRows = 0n } = await sql`
        delete from keyhold.setup_drafts where ctid = any (array(
          select ctid from keyhold.setup_drafts where expires_at < now() and ${isDueOnBothClocks(clock, sql`expires_at`)}
          limit ${forgottenAtOnce} for update skip locked
        ))`.execute(db)
      return numAffectedRows === BigInt(forgottenAtOnce)
    },
  }
}

// Scheduled destructions, and the records of completed ones. The database's clock says when they are due, and the
// replica's must agree. SQL only finds rows: what is done follows from rows that were verified, in transactions that have the
// fence of their tenant alone, and for those alone that the tenant's manifest names.
import { unlessFaulty } from '../authentic/row-faults.ts'
import { KeyholdError } from '@keyhold/core'
import { sql, type ExpressionBuilder } from 'kysely'
import { withoutEndlessTimes } from '../authentic/without-endless-times.ts'
import type { Authentic, RowMacs } from '../authentic/row-macs.ts'
import { hasPassedOnBothClocks, isDueOnBothClocks, latestOf, type DatabaseClock } from '../database-clock.ts'
import { isUniqueViolation, type Database } from '../database.ts'
import type { HeldFence } from '../fence/held-fence.ts'
import type { DestructionKind, Tables } from '../tables.ts'
import {
  destructionColumns as columns,
  fromRow,
  namedCipherkeysDigest,
  type DestructionRow,
  type StoredDestruction,
  type WrappedPosition,
} from './destruction-row.ts'
import { heldOf } from '../fence/rewrite-row.ts'
import { isInManifest, lockOpen, writeDestruction } from './write-destruction.ts'

export interface NewDestruction {
  id: string
  tenantId: string
  kind: DestructionKind
  keyName?: string
  dataKeyId?: string
  cipherkeys?: readonly WrappedPosition[]
  scheduledBy: string
  inDays: number
}

/** One that is due. */
export interface DueDestruction {
  destruction: DestructionRow
  /** As the database writes it, with its microseconds. */
  dueAt: string
}

/** One for a list, which shows all of them. */
export type ListedDestruction = DestructionRow & {
  /** It is not as Keyhold wrote it, and nothing follows from it. */
  isTampered: boolean
}

/** Where a page of those that are due ends. */
interface DuePosition {
  isBegun: boolean
  dueAt: string
  id: string
}

const duePositionOf = ({ destruction, dueAt }: DueDestruction): DuePosition => ({
  ...{ isBegun: destruction.begunAt !== undefined, dueAt, id: destruction.id },
})

export interface DestructionQueryParts {
  clock: DatabaseClock
  macs: RowMacs
  /** The fence that the transaction holds alone, if any. */
  held: HeldFence | undefined
}

const msPerDay = 86_400_000
// Whoever adds more rows than that can delete the row of the destruction as well.
const maxLookedAt = 10_000
const pageOfDeletions = 100
// All of them are read with each of the tenant's keys that is not in memory.
const maxOpen = 1_000

const isOpenHere = (eb: ExpressionBuilder<Tables, 'destructions'>) =>
  eb.and([eb('cancelled_at', 'is', null), eb('destroyed_at', 'is', null)])

export function destructionQueries(db: Database, { clock, macs, held }: DestructionQueryParts) {
  const isDue = () => isDueOnBothClocks(clock, sql`due_at`)
  const verified = (row: StoredDestruction) => macs.verify('destruction', row)
  const isAuthentic = <Row extends StoredDestruction>(row: Row): row is Authentic<Row> =>
    unlessFaulty(() => macs.verify('destruction', row)) !== undefined
  const listed = (row: StoredDestruction): ListedDestruction => ({
    isTampered: !isAuthentic(row),
    ...fromRow(macs, withoutEndlessTimes(row) as Authentic<StoredDestruction>),
  })
  const parts = { macs, held }

  /** One page of rows as they are. */
  async function readDue(limit: number, after: DuePosition | undefined) {
    let query = db
      .selectFrom('destructions as d')
      .select([...columns, sql<string>`d.due_at::text`.as('due_text')])
      .where('d.cancelled_at', 'is', null)
      .where('d.destroyed_at', 'is', null)
      .where(isDue())
      // One look for each destruction that is due. Of "not exists" PostgreSQL may make one look through all tenants.
      .where(
        sql<boolean>`(d.kind = 'tenant' or (select t.ending_at from keyhold.tenants t where t.id = d.tenant_id) is null)`,
      )
      .where(sql<boolean>`coalesce(d.claimed_until <= now(), true)`)
      .orderBy(sql`d.begun_at is not null`)
      .orderBy('d.due_at')
      .orderBy('d.id')
      .limit(limit)
    if (after !== undefined) {
      query = query.where(
        sql<boolean>`(d.begun_at is not null, d.due_at, d.id) >
            (${after.isBegun}::boolean, ${after.dueAt}::timestamptz, ${after.id}::uuid)`,
      )
    }
    return query.execute()
  }

  /** All open ones of the tenant, locked in the order of their primary key. */
  async function lockAllOpen(tenantId: string): Promise<Authentic<StoredDestruction>[]> {
    const { manifest } = heldOf(held, tenantId)
    const rows = await db
      .selectFrom('destructions')
      .select(columns)
      .where('tenant_id', '=', tenantId)
      .where(isOpenHere)
      .orderBy('id')
      .forUpdate()
      .execute()
    // One that somebody added stays as it is: nobody may sign it.
    return rows.filter(isAuthentic).filter((row) => isInManifest(manifest, row))
  }

  return {
    /**
     * Call it under `withFence`.
     *
     * @throws KeyholdError `ERR_DESTRUCTION_SCHEDULED` when the tenant, or the key name, has an open one;
     * `ERR_DESTRUCTION_QUOTA` when 1,000 are open, for all but that of the tenant
     */
    async insert(destruction: NewDestruction): Promise<DestructionRow> {
      const { now, manifest } = heldOf(held, destruction.tenantId)
      // That of the tenant is the end of them all.
      if (destruction.kind !== 'tenant' && manifest.keys('destruction').length >= maxOpen) throw tooMany()
      const row = {
        id: destruction.id,
        tenant_id: destruction.tenantId,
        kind: destruction.kind,
        key_name: destruction.keyName ?? null,
        data_key_id: destruction.dataKeyId ?? null,
        scheduled_by: destruction.scheduledBy,
        scheduled_at: now,
        // A database whose clock was set back for a moment must not bring the day nearer.
        due_at: new Date(latestOf(clock, now).getTime() + destruction.inDays * msPerDay),
        cipherkeys_digest:
          destruction.cipherkeys === undefined ? null : namedCipherkeysDigest(destruction.cipherkeys),
        ...{ begun_at: null, cancelled_at: null, cancelled_by: null, destroyed_at: null },
      }
      const mac = macs.sign('destruction', row)
      const cipherkeys = destruction.cipherkeys === undefined ? null : JSON.stringify(destruction.cipherkeys)
      try {
        await db
          .insertInto('destructions')
          .values({ ...row, cipherkeys, mac })
          .execute()
      } catch (error) {
        if (
          isUniqueViolation(error, 'destructions_one_open_of_tenant') ||
          isUniqueViolation(error, 'destructions_one_open_of_data_key')
        ) {
          throw new KeyholdError('ERR_DESTRUCTION_SCHEDULED', { cause: error })
        }
        throw error
      }
      manifest.set('destruction', row.id, mac)
      const stored = { ...row, mac, cipherkeys: destruction.cipherkeys ?? null }
      return fromRow(macs, stored as Authentic<StoredDestruction>)
    },

    /** The newest first, of one tenant or of all; `before` is the id of the last one seen. */
    async list(tenantId: string | undefined, limit: number, before?: string): Promise<ListedDestruction[]> {
      let query = db.selectFrom('destructions').select(columns).orderBy('id', 'desc').limit(limit)
      if (tenantId !== undefined) query = query.where('tenant_id', '=', tenantId)
      if (before !== undefined) query = query.where('id', '<', before)
      return (await query.execute()).map(listed)
    },

    /** The one of the tenant that is due first, for showing it. */
    async findNextOpen(tenantId: string): Promise<ListedDestruction | undefined> {
      const row = await db
        .selectFrom('destructions')
        .select(columns)
        .where('tenant_id', '=', tenantId)
        .where(isOpenHere)
        .orderBy('due_at')
        .orderBy('id')
        .limit(1)
        .executeTakeFirst()
      return row && listed(row)
    },

    /** For showing it, whatever it is. */
    async find(id: string): Promise<ListedDestruction | undefined> {
      const row = await db.selectFrom('destructions').select(columns).where('id', '=', id).executeTakeFirst()
      return row && listed(row)
    },

    /** The signed record, byte for byte; undefined while nothing is destroyed. */
    async findRecord(id: string): Promise<string | undefined> {
      const row = await db.selectFrom('destructions').select('jws').where('id', '=', id).executeTakeFirst()
      return row?.jws ?? undefined
    },

    /**
     * The newest destruction of the tenant as a whole, whatever has become of it.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` when there is none but such that Keyhold did not write
     */
    async findLastOfTenant(tenantId: string): Promise<DestructionRow | undefined> {
      let first: StoredDestruction | undefined
      let before: { at: string; id: string } | undefined
      for (let looked = 0; looked < maxLookedAt; looked += pageOfDeletions) {
        let query = db
          .selectFrom('destructions')
          .select([...columns, sql<string>`scheduled_at::text`.as('at_text')])
          .where('tenant_id', '=', tenantId)
          .where('kind', '=', 'tenant')
          .orderBy('scheduled_at', 'desc')
          .orderBy('id', 'desc')
          .limit(pageOfDeletions)
        if (before !== undefined)
          query = query.where(
            sql<boolean>`(scheduled_at, id) < (${before.at}::timestamptz, ${before.id}::uuid)`,
          )
        const rows = await query.execute()
        const authentic = rows.find(isAuthentic)
        if (authentic !== undefined) return fromRow(macs, authentic)
        first ??= rows[0]
        const last = rows.at(-1)
        if (last === undefined || rows.length < pageOfDeletions) break
        before = { at: last.at_text, id: last.id }
      }
      return first && fromRow(macs, verified(first))
    },

    /** When those of the tenants are due to be destroyed that have a destruction, by their id. */
    async listTenantsDueAt(tenantIds: readonly string[]): Promise<Map<string, Date>> {
      const rows = await db
        .selectFrom('destructions')
        .select(columns)
        .where('kind', '=', 'tenant')
        .where(isOpenHere)
        .where('tenant_id', '=', sql<string>`any(${tenantIds})`)
        .execute()
      return new Map(rows.filter(isAuthentic).map((row) => [row.tenant_id, row.due_at]))
    },

    /** Answers false for one that has ended, or begun. Call it under `withFence`. */
    async cancel(tenantId: string, id: string, cancelledBy: string): Promise<boolean> {
      const row = await lockOpen(db, parts, tenantId, id)
      if (row === undefined || row.begun_at !== null) return false
      const cancelled = { cancelled_at: heldOf(held, tenantId).now, cancelled_by: cancelledBy }
      await writeDestruction(db, parts, row, cancelled)
      return true
    },

    /** Answers the destructions that were open. Call it under `withFence`. */
    async cancelAll(tenantId: string, cancelledBy: string): Promise<DestructionRow[]> {
      const cancelled = { cancelled_at: heldOf(held, tenantId).now, cancelled_by: cancelledBy }
      const ended: DestructionRow[] = []
      for (const row of await lockAllOpen(tenantId))
        ended.push(fromRow(macs, await writeDestruction(db, parts, row, cancelled)))
      return ended
    },

    /**
     * Destructions that may be due and that no replica has claimed, the longest due first. Deletions of tenants that have
     * begun come after all others: nothing of them opens any more, and their rows may take hours. All others are left out
     * once the deletion of their tenant has begun. Rows that Keyhold did not write are left out: they are reported.
     *
     * @param after - only those after this one
     */
    async listDue(limit: number, after?: DueDestruction): Promise<DueDestruction[]> {
      const due: DueDestruction[] = []
      let last = after && duePositionOf(after)
      // Rows that somebody has added fill no page: behind them are those that Keyhold wrote.
      for (let looked = 0; looked < maxLookedAt && due.length === 0; looked += limit) {
        const rows = await readDue(limit, last)
        for (const row of rows.filter((each) => isAuthentic(each)))
          due.push({ destruction: fromRow(macs, row), dueAt: row.due_text })
        const end = rows.at(-1)
        if (end === undefined || rows.length < limit) break
        last = { isBegun: end.begun_at !== null, dueAt: end.due_text, id: end.id }
      }
      return due
    },
    /**
     * Locks a destruction that is still open and due; undefined when it is not, or another replica has it now. Call it under
     * the tenant's fence.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
     */
    async lockDue(tenantId: string, id: string): Promise<DestructionRow | undefined> {
      const row = await lockOpen(db, parts, tenantId, id)
      if (row === undefined || !hasPassedOnBothClocks(clock, heldOf(held, tenantId).now, row.due_at))
        return undefined
      return fromRow(macs, row)
    },

    /** Call it under the tenant's fence. */
    async finish(tenantId: string, id: string, destroyedAt: Date, jws: string): Promise<void> {
      const row = await lockOpen(db, parts, tenantId, id)
      if (row === undefined) throw new TypeError(`destruction ${id} is not open`)
      await writeDestruction(db, parts, row, { destroyed_at: destroyedAt }, { jws })
    },

    /** Ends all open destructions of a tenant, and answers them. The tenant's record stands for its data keys, too. */
    async finishAll(tenantId: string, destroyedAt: Date, jws: string): Promise<DestructionRow[]> {
      const ended: DestructionRow[] = []
      for (const row of await lockAllOpen(tenantId)) {
        const destroyed = { destroyed_at: destroyedAt }
        ended.push(fromRow(macs, await writeDestruction(db, parts, row, destroyed, { jws })))
      }
      return ended
    },
  }
}

function tooMany(): KeyholdError {
  return new KeyholdError('ERR_DESTRUCTION_QUOTA', {
    message: `A tenant has at most ${maxOpen} destructions that are scheduled: wait until some are done, or cancel some. The whole tenant can be deleted all the same.`,
  })
}

// Scheduled destructions, and the records of completed ones. The database's clock says when they are due, and the
// replica's must agree.
import { KeyholdError } from '@keyhold/core'
import { sql, type ExpressionBuilder, type Selectable } from 'kysely'
import type { CipherkeyPosition } from './cipherkeys/cipherkeys.ts'
import { isDueOnBothClocks, type DatabaseClock } from './database-clock.ts'
import { isUniqueViolation, type Database } from './database.ts'
import { count, jsonReader, listOf, members, text, type JsonColumn } from './json-column.ts'
import type { DestructionKind, Tables } from './tables.ts'

/** A cipherkey, and the tenant key version that wraps it. */
export interface WrappedPosition extends CipherkeyPosition {
  tenantKeyVersion: number
}

export interface DestructionRow {
  id: string
  tenantId: string
  kind: DestructionKind
  /** The name of a data key; undefined for a tenant. */
  keyName: string | undefined
  dataKeyId: string | undefined
  /** The API key that scheduled it, by its id. */
  scheduledBy: string
  scheduledAt: Date
  dueAt: Date
  cancelledBy: string | undefined
  cancelledAt: Date | undefined
  destroyedAt: Date | undefined
  /** Of single cipherkeys. */
  cipherkeys: JsonColumn<WrappedPosition[]> | undefined
  /** When the deletion of a tenant began, from which there is no way back. */
  begunAt: Date | undefined
}

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

const readCipherkeys = jsonReader<WrappedPosition[]>(
  'destructions.cipherkeys',
  listOf(members({ dataKeyId: text, version: count, tenantKeyVersion: count })),
  'ERR_INTERNAL',
)

const columns = [
  'id',
  'tenant_id',
  'kind',
  'key_name',
  'data_key_id',
  'scheduled_by',
  'scheduled_at',
  'due_at',
  'cancelled_by',
  'cancelled_at',
  'destroyed_at',
  'begun_at',
  'cipherkeys',
] as const

function fromRow(row: Pick<Selectable<Tables['destructions']>, (typeof columns)[number]>): DestructionRow {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    kind: row.kind,
    keyName: row.key_name ?? undefined,
    dataKeyId: row.data_key_id ?? undefined,
    scheduledBy: row.scheduled_by,
    scheduledAt: row.scheduled_at,
    dueAt: row.due_at,
    cancelledBy: row.cancelled_by ?? undefined,
    cancelledAt: row.cancelled_at ?? undefined,
    destroyedAt: row.destroyed_at ?? undefined,
    begunAt: row.begun_at ?? undefined,
    cipherkeys: readCipherkeys(row.cipherkeys, row.id),
  }
}

const isOpen = (eb: ExpressionBuilder<Tables, 'destructions'>) =>
  eb.and([eb('cancelled_at', 'is', null), eb('destroyed_at', 'is', null)])

export function destructionQueries(db: Database, clock: DatabaseClock) {
  const isDue = () => isDueOnBothClocks(clock, sql`due_at`)

  return {
    /** @throws KeyholdError `ERR_DESTRUCTION_SCHEDULED` when the tenant, or the key name, has an open one */
    async insert(destruction: NewDestruction): Promise<DestructionRow> {
      try {
        const row = await db
          .insertInto('destructions')
          .values({
            id: destruction.id,
            tenant_id: destruction.tenantId,
            kind: destruction.kind,
            key_name: destruction.keyName ?? null,
            data_key_id: destruction.dataKeyId ?? null,
            cipherkeys: destruction.cipherkeys === undefined ? null : JSON.stringify(destruction.cipherkeys),
            scheduled_by: destruction.scheduledBy,
            // In hours, since a day of the session's time zone may have 23.
            due_at: sql`now() + make_interval(hours => ${destruction.inDays * 24})`,
          })
          .returning(columns)
          .executeTakeFirstOrThrow()
        return fromRow(row)
      } catch (error) {
        if (
          isUniqueViolation(error, 'destructions_one_open_of_tenant') ||
          isUniqueViolation(error, 'destructions_one_open_of_data_key')
        ) {
          throw new KeyholdError('ERR_DESTRUCTION_SCHEDULED', { cause: error })
        }
        throw error
      }
    },

    /** The newest first, of one tenant or of all; `before` is the id of the last one seen. */
    async list(tenantId: string | undefined, limit: number, before?: string): Promise<DestructionRow[]> {
      let query = db.selectFrom('destructions').select(columns).orderBy('id', 'desc').limit(limit)
      if (tenantId !== undefined) query = query.where('tenant_id', '=', tenantId)
      if (before !== undefined) query = query.where('id', '<', before)
      return (await query.execute()).map(fromRow)
    },

    async find(id: string): Promise<DestructionRow | undefined> {
      const row = await db.selectFrom('destructions').select(columns).where('id', '=', id).executeTakeFirst()
      return row && fromRow(row)
    },

    /** The signed record, byte for byte; undefined while nothing is destroyed. */
    async findRecord(id: string): Promise<string | undefined> {
      const row = await db.selectFrom('destructions').select('jws').where('id', '=', id).executeTakeFirst()
      return row?.jws ?? undefined
    },

    /** The newest destruction of the tenant as a whole, whatever has become of it. */
    async findLastOfTenant(tenantId: string): Promise<DestructionRow | undefined> {
      const row = await db
        .selectFrom('destructions')
        .select(columns)
        .where('tenant_id', '=', tenantId)
        .where('kind', '=', 'tenant')
        .orderBy('scheduled_at', 'desc')
        .orderBy('id', 'desc')
        .limit(1)
        .executeTakeFirst()
      return row && fromRow(row)
    },

    /** When those of the tenants are due to be destroyed that have a destruction, by their id. */
    async listTenantsDueAt(tenantIds: readonly string[]): Promise<Map<string, Date>> {
      const rows = await db
        .selectFrom('destructions')
        .select(['tenant_id', 'due_at'])
        .where('kind', '=', 'tenant')
        .where(isOpen)
        .where('tenant_id', '=', sql<string>`any(${tenantIds})`)
        .execute()
      return new Map(rows.map((row) => [row.tenant_id, row.due_at]))
    },

    /** Answers false for one that has ended, or begun. Waits for a destruction that is under way. */
    async cancel(id: string, cancelledBy: string): Promise<boolean> {
      const result = await db
        .updateTable('destructions')
        .set({ cancelled_at: sql`now()`, cancelled_by: cancelledBy })
        .where('id', '=', id)
        .where(isOpen)
        .where('begun_at', 'is', null)
        .executeTakeFirst()
      return result.numUpdatedRows > 0n
    },

    /** Answers the destructions that were open. */
    async cancelAll(tenantId: string, cancelledBy: string): Promise<DestructionRow[]> {
      const rows = await db
        .updateTable('destructions')
        .set({ cancelled_at: sql`now()`, cancelled_by: cancelledBy })
        .where('tenant_id', '=', tenantId)
        .where(isOpen)
        .returning(columns)
        .execute()
      return rows.map(fromRow)
    },

    /**
     * Destructions that are due and that no replica has claimed, the longest due first. Deletions of tenants that have begun
     * come after all others: nothing of them opens any more, and their rows may take hours. All others are left out once
     * the deletion of their tenant has begun. Those of keys are also left out while their tenant has a live key job, which
     * the end of a tenant does not wait for.
     *
     * @param after - only those after this one
     */
    async listDue(limit: number, after?: DueDestruction): Promise<DueDestruction[]> {
      let query = db
        .selectFrom('destructions as d')
        .select([...columns, sql<string>`d.due_at::text`.as('due_text')])
        .where('d.cancelled_at', 'is', null)
        .where('d.destroyed_at', 'is', null)
        .where(isDue())
        .where(
          sql<boolean>`(d.kind = 'tenant' or not exists (select from keyhold.key_jobs j
            where j.tenant_id = d.tenant_id and j.phase not in ('done', 'aborted')))`,
        )
        .where(sql<boolean>`coalesce(d.claimed_until <= now(), true)`)
        .where(
          sql<boolean>`not exists (select from keyhold.destructions b
            where b.tenant_id = d.tenant_id and b.id <> d.id and b.begun_at is not null and b.destroyed_at is null)`,
        )
        .orderBy(sql`d.begun_at is not null`)
        .orderBy('d.due_at')
        .orderBy('d.id')
        .limit(limit)
      if (after !== undefined) {
        query = query.where(
          sql<boolean>`(d.begun_at is not null, d.due_at, d.id) >
            (${after.destruction.begunAt !== undefined}::boolean, ${after.dueAt}::timestamptz, ${after.destruction.id}::uuid)`,
        )
      }
      return (await query.execute()).map((row) => ({ destruction: fromRow(row), dueAt: row.due_text }))
    },

    /**
     * Locks a destruction that is still open and due; undefined when it is not, or another replica has it now. The
     * destruction of a tenant also locks the tenant's other open destructions. Call it under the tenant's fence.
     */
    async lockDue(id: string): Promise<DestructionRow | undefined> {
      const row = await db
        .selectFrom('destructions')
        .select(columns)
        .where('id', '=', id)
        .where(isOpen)
        .where(isDue())
        .forUpdate()
        .skipLocked()
        .executeTakeFirst()
      if (row?.kind === 'tenant') {
        await db
          .selectFrom('destructions')
          .select('id')
          .where('tenant_id', '=', row.tenant_id)
          .where(isOpen)
          .orderBy('id')
          .forUpdate()
          .execute()
      }
      return row && fromRow(row)
    },

    async finish(id: string, destroyedAt: Date, jws: string): Promise<void> {
      await db
        .updateTable('destructions')
        .set({ destroyed_at: destroyedAt, jws })
        .where('id', '=', id)
        .where(isOpen)
        // Without "returning", an update of no row at all would count as a result.
        .returning('id')
        .executeTakeFirstOrThrow()
    },

    /** Ends all open destructions of a tenant, and answers them. The tenant's record stands for its data keys, too. */
    async finishAll(tenantId: string, destroyedAt: Date, jws: string): Promise<DestructionRow[]> {
      const rows = await db
        .updateTable('destructions')
        .set({ destroyed_at: destroyedAt, jws })
        .where('tenant_id', '=', tenantId)
        .where(isOpen)
        .returning(columns)
        .execute()
      return rows.map(fromRow)
    },
  }
}

// The guard of a tenant: what its administrator has decided, and which of its API keys hold. It states what would otherwise
// follow from the absence of a row, and never waits for the fence. Who changes it locks its row: after the fence, before the
// rows of API keys, tenants and the heads of the audit trail.
//
// Replicas of the version before know the rows of tenant_locks and tenants.key_cache_ttl_seconds alone, so these are written
// too. A tenant is locked if either says so. Until the rows are adopted, the TTL is the one of tenants.
import { KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import type { Authentic } from '../authentic/row-macs.ts'
import type { Database } from '../database.ts'
import { unlessFaulty } from '../authentic/row-faults.ts'
import { acceptGuard, type GuardParts } from './accept-guard.ts'
import {
  insertMissingGuard,
  listNotedLocks,
  lockGuard,
  lockOf,
  readGuards,
  type FoundGuard,
  type GuardRow,
  type TenantLockRow,
} from './guard-rows.ts'

export type { TenantLockRow } from './guard-rows.ts'

/** Made from an authentic row. */
export interface Guard {
  tenantId: string
  /** Of the tenant that has the id now. */
  incarnation: string
  /** Undefined: the tenant is not locked. */
  lock: TenantLockRow | undefined
  /** How long the tenant's keys may be held; undefined: as the operator allows. */
  keyCacheTtlSeconds: number | undefined
  /** The API keys of the tenant that have this generation hold. */
  apiKeyGeneration: number
}

/** The tenants whose keys must not be used. */
export interface ClosedTenants {
  locked: string[]
  /** Their guard is missing, altered or an older one: nobody knows whether they are locked. */
  faulty: string[]
}

/** A guard that this transaction has locked. */
type TakenGuard = Guard & { row: Authentic<GuardRow> }

export function guardQueries(db: Database, parts: GuardParts) {
  const { macs, seen } = parts
  const verify = (found: FoundGuard, before: number) => acceptGuard(parts, found, before)

  function guardOf({ tenantId, beside }: FoundGuard, row: Authentic<GuardRow> | undefined): Guard {
    const ttlSeconds = macs.requiresMacs()
      ? (row?.key_cache_ttl_seconds ?? undefined)
      : beside.keyCacheTtlSeconds
    return {
      tenantId,
      incarnation: row?.incarnation ?? beside.incarnation,
      lock: lockIn(row) ?? beside.lock,
      keyCacheTtlSeconds: ttlSeconds,
      apiKeyGeneration: row?.api_key_generation ?? 0,
    }
  }

  async function lockRow(tenantId: string, how: 'alone' | 'shared') {
    if (!macs.requiresMacs()) await insertMissingGuard(db, tenantId)
    const before = seen.get(tenantId)
    const found = await lockGuard(db, tenantId, how)
    if (found === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    return { found, before }
  }

  async function take(tenantId: string, how: 'alone' | 'shared' = 'alone'): Promise<TakenGuard> {
    const { found, before } = await lockRow(tenantId, how)
    const row = verify(found, before)
    // The tenant, and its guard with it, was deleted in between.
    if (row === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    return { ...guardOf(found, row), row }
  }

  async function save({ row, ...guard }: TakenGuard, leastGeneration = 0): Promise<void> {
    const next = {
      tenant_id: guard.tenantId,
      incarnation: guard.incarnation,
      generation: Math.max(row.generation + 1, leastGeneration),
      locked_at: guard.lock?.lockedAt ?? null,
      locked_by: guard.lock?.lockedBy ?? null,
      lock_reason: guard.lock?.reason ?? null,
      key_cache_ttl_seconds: guard.keyCacheTtlSeconds ?? null,
      api_key_generation: guard.apiKeyGeneration,
    }
    await db
      .updateTable('tenant_guards')
      .set({ ...next, mac: macs.sign('guard', next) })
      .where('tenant_id', '=', guard.tenantId)
      .where('mac', 'is not distinct from', row.mac)
      .returning('tenant_id')
      .executeTakeFirstOrThrow()
    seen.raise(guard.tenantId, next.generation)
  }

  async function noteLock({ tenantId, lockedAt, lockedBy }: TenantLockRow): Promise<void> {
    await db
      .insertInto('tenant_locks')
      .values({ tenant_id: tenantId, locked_at: lockedAt, locked_by: lockedBy })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }

  return {
    /**
     * The row as it is. Undefined: there is no such tenant, or it has no guard.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
     */
    async findRow(tenantId: string): Promise<Authentic<GuardRow> | undefined> {
      const before = seen.get(tenantId)
      const found = (await readGuards(db, [tenantId])).find((each) => each.tenantId === tenantId)
      return found && verify(found, before)
    },

    /**
     * Brings what was decided after an older database was kept into its guard, which gets at least this generation. Answers the
     * guard as it was, and what was decided. Call it under `withFence`.
     *
     * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_RECORD_NOT_AUTHENTIC`
     */
    async restore(
      tenantId: string,
      generation: number,
      decide: (
        guard: Guard,
        row: { generation: number; at: Date },
      ) => Pick<Guard, 'lock' | 'keyCacheTtlSeconds' | 'apiKeyGeneration'>,
    ): Promise<{ older: Guard; decided: ReturnType<typeof decide> }> {
      const { found, before } = await lockRow(tenantId, 'alone')
      const row = verify(found, before)
      if (row === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
      const guard = guardOf(found, row)
      const decided = decide(guard, { generation: row.generation, at: found.at })
      await save({ ...guard, row, ...decided }, generation)
      if (decided.lock !== undefined) await noteLock(decided.lock)
      await db
        .updateTable('tenants')
        .set({ key_cache_ttl_seconds: decided.keyCacheTtlSeconds ?? null })
        .where('id', '=', tenantId)
        .execute()
      return { older: guard, decided }
    },

    /**
     * Undefined: there is no such tenant.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`: the keys of the tenant must not be used
     */
    async find(tenantId: string): Promise<Guard | undefined> {
      const before = seen.get(tenantId)
      const found = (await readGuards(db, [tenantId])).find((each) => each.tenantId === tenantId)
      return found && guardOf(found, verify(found, before))
    },

    /** Call it in the transaction that makes the tenant. */
    async insert(tenantId: string): Promise<void> {
      const { incarnation, at } = await db
        .selectFrom('tenants')
        .select(['incarnation', sql<Date>`clock_timestamp()`.as('at')])
        .where('id', '=', tenantId)
        .executeTakeFirstOrThrow()
      const row = {
        tenant_id: tenantId,
        incarnation,
        // A tenant of an id that was used before begins with higher ones than that ever had.
        generation: at.getTime(),
        locked_at: null,
        locked_by: null,
        lock_reason: null,
        key_cache_ttl_seconds: null,
        api_key_generation: at.getTime(),
      }
      await db
        .insertInto('tenant_guards')
        .values({ ...row, mac: macs.sign('guard', row) })
        .execute()
    },

    /** Locks the row until the transaction ends. Call it after the fence, before the tenant's other rows are ended. */
    async hold(tenantId: string): Promise<void> {
      await lockGuard(db, tenantId, 'alone')
    },

    /**
     * Locks a tenant. An existing lock stays as it is. Answers also whether the lock is new. A faulty guard closes the tenant
     * by itself; then the lock is noted beside it, and lasts when an operator has accepted the guard.
     *
     * @throws KeyholdError `ERR_TENANT_NOT_FOUND`
     */
    async lock(
      tenantId: string,
      lockedBy: string,
      reason?: string,
    ): Promise<TenantLockRow & { isNew: boolean }> {
      const { found, before } = await lockRow(tenantId, 'alone')
      const row = unlessFaulty(() => verify(found, before))
      const existing = lockIn(row) ?? found.beside.lock
      const lock = existing ?? { tenantId, lockedAt: found.at, lockedBy, reason }
      if (row?.locked_at === null) await save({ ...guardOf(found, row), row, lock })
      await noteLock(lock)
      return { ...lock, isNew: existing === undefined }
    },

    /**
     * Answers whether the tenant was locked.
     *
     * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_RECORD_NOT_AUTHENTIC`
     */
    async unlock(tenantId: string): Promise<boolean> {
      const guard = await take(tenantId)
      if (guard.row.locked_at !== null) await save({ ...guard, lock: undefined })
      await db.deleteFrom('tenant_locks').where('tenant_id', '=', tenantId).execute()
      return guard.lock !== undefined
    },

    /**
     * @param seconds - undefined: as the operator allows
     * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_RECORD_NOT_AUTHENTIC`
     */
    async setKeyCacheTtlSeconds(tenantId: string, seconds: number | undefined): Promise<void> {
      await save({ ...(await take(tenantId)), keyCacheTtlSeconds: seconds })
      await db
        .updateTable('tenants')
        .set({ key_cache_ttl_seconds: seconds ?? null })
        .where('id', '=', tenantId)
        .returning('id')
        .executeTakeFirstOrThrow()
    },

    /**
     * The generation that API keys of the tenant must have. Nobody raises it until the transaction ends.
     *
     * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_RECORD_NOT_AUTHENTIC`
     */
    async shareApiKeyGeneration(tenantId: string): Promise<number> {
      return (await take(tenantId, 'shared')).apiKeyGeneration
    },

    /**
     * No API key of the tenant holds from now on, until it is signed anew.
     *
     * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_RECORD_NOT_AUTHENTIC`
     */
    async raiseApiKeyGeneration(tenantId: string): Promise<{ from: number; to: number }> {
      const guard = await take(tenantId)
      const [from, to] = [guard.apiKeyGeneration, guard.apiKeyGeneration + 1]
      await save({ ...guard, apiKeyGeneration: to })
      return { from, to }
    },

    /**
     * The tenants that a lock is noted of, and those of `tenantIds` whose guard says that they are locked, or is faulty. A
     * faulty row concerns its tenant alone.
     *
     * @param known - locked tenants whose guards have been read before, and need not be again
     */
    async listClosed(tenantIds: readonly string[], known: ReadonlySet<string>): Promise<ClosedTenants> {
      const locked = new Set(await listNotedLocks(db))
      // A sealed replica verifies nothing. It opens nothing either.
      if (macs.isSealed()) return { locked: [...locked], faulty: [] }
      // Of a new lock the guard is read too: from then on this replica knows an older one.
      const asked = new Set([...tenantIds, ...[...locked].filter((tenantId) => !known.has(tenantId))])
      const faulty = new Set(asked)
      const before = new Map([...asked].map((tenantId) => [tenantId, seen.get(tenantId)]))
      for (const found of await readGuards(db, [...asked])) {
        const verified = unlessFaulty(() => ({ row: verify(found, before.get(found.tenantId) ?? 0) }))
        if (verified === undefined) continue
        faulty.delete(found.tenantId)
        if (lockIn(verified.row) !== undefined) locked.add(found.tenantId)
      }
      return { locked: [...locked], faulty: [...faulty] }
    },
  }
}

const lockIn = (row: GuardRow | undefined) =>
  row && lockOf(row.tenant_id, row.locked_at, row.locked_by, row.lock_reason)

// Tenant key versions as stored, each wrapped under the key that its own row names. A version that decides anything was
// verified, and stands in the manifest of its tenant.
import { sql, type RawBuilder } from 'kysely'
import { isRowFault } from '../authentic/row-faults.ts'
import type { Authentic } from '../authentic/row-macs.ts'
import { columnsOfKind } from '../authentic/steering-kinds.ts'
import { hasPassedOnBothClocks, isDueOnBothClocks, type DatabaseClock } from '../database-clock.ts'
import type { Database } from '../database.ts'
import { prepareCovered, readCovered, type CoverParts } from '../fence/covered-rows.ts'
import { heldOf, rewriteRow } from '../fence/rewrite-row.ts'
import { readShown } from '../fence/shown-rows.ts'
import { verifyListed } from '../fence/verify-listed.ts'
import type { Fence } from '../fence/fence-row.ts'
import type { guardQueries } from '../guards/guards.ts'
import type { keyJobQueries } from '../key-jobs/key-jobs.ts'
import { noAccess, keyAccessQueries } from '../key-access.ts'
import { keyProbeQueries } from '../key-probes.ts'
import {
  formatOf,
  fromVersionRow,
  type DescribedVersion,
  type DueVersion,
  type FoundTenantKey,
  type NewTenantKey,
  type ShownVersion,
  type StoredVersion,
  type TenantKeyVersion,
} from './tenant-key-row.ts'

const msPerSecond = 1_000
const msPerDay = 24 * 60 * 60 * msPerSecond

const columns = sql.join(columnsOfKind('tenantKey').map((column) => sql.ref(`v.${column}`)))

const select = (condition: RawBuilder<unknown>) => sql`
  select row_number() over (order by version) as place, ${columns} from keyhold.tenant_keys v where ${condition}`

const readVersion = prepareCovered<[version: number], StoredVersion>((tenantId, version) =>
  select(sql`tenant_id = ${tenantId} and version = ${version}::bigint`),
)

interface TenantKeyParts {
  clock: DatabaseClock
  firstProbeSeconds: number
  guards: Pick<ReturnType<typeof guardQueries>, 'find'>
  keyJobs: Pick<ReturnType<typeof keyJobQueries>, 'findLive'>
}

export function tenantKeyQueries(
  db: Database,
  parts: CoverParts,
  { clock, firstProbeSeconds, guards, keyJobs }: TenantKeyParts,
) {
  const { macs } = parts.fences

  /** Verified. The query counts its rows in `place`. */
  async function read(tenantId: string, select: RawBuilder<unknown>): Promise<Authentic<StoredVersion>[]> {
    const { rows, verify } = await readCovered<StoredVersion>(db, parts, tenantId, select)
    return rows.map((row) => verify('tenantKey', row.version, row))
  }

  /** Under the fence: the rows stay as they are until they are rewritten. */
  async function lock(tenantId: string, condition: RawBuilder<unknown>) {
    const held = heldOf(parts.held, tenantId)
    const { rows } = await sql<StoredVersion>`
      select ${columns} from keyhold.tenant_keys v where tenant_id = ${tenantId} and ${condition}
      order by version for update`.execute(db)
    const verified = rows.map((row) => verifyListed({ macs, held }, 'tenantKey', row.version, row))
    const change = (row: Authentic<StoredVersion>, changes: Partial<StoredVersion>) =>
      rewriteRow(db, { macs, held }, 'tenantKey', row.version, row, changes)
    const destroy = (row: Authentic<StoredVersion>) =>
      change(row, { state: 'destroyed', wrapped: null, destroyed_at: held.now })
    return { held, rows: verified, change, destroy }
  }

  /**
   * Format 2, as soon as MACs are required: before that, replicas of the version before may run, which know format 1 alone and
   * could not open what is wrapped. A tenant that has come to format 2 never goes back.
   */
  async function formatOfNext(tenantId: string): Promise<2 | null> {
    if (macs.requiresMacs()) return 2
    const active = heldOf(parts.held, tenantId).row?.active_tenant_key_version ?? 0
    const { rows } = await lock(tenantId, sql`version = ${active}`)
    return rows[0]?.format ?? null
  }

  /** The tenant's active version, and those of its live key job. Before the adoption: all. */
  async function isInUse({ tenant_id, version }: Authentic<StoredVersion>, fence?: Fence): Promise<boolean> {
    if (!macs.requiresMacs() || version === fence?.activeTenantKeyVersion) return true
    if (fence?.stated?.liveJobId === undefined) return false
    try {
      const job = await keyJobs.findLive(tenant_id)
      // Just now there was one, and it may have given its place back to the version.
      return job === undefined || [job.sourceVersion, job.targetVersion].includes(version)
    } catch (error) {
      if (isRowFault(error)) return false
      throw error
    }
  }

  return {
    /** From now on its KEK is in use, and is probed. How it is reached is copied from the key provider. Under `withFence`. */
    async insert(row: NewTenantKey): Promise<void> {
      const held = heldOf(parts.held, row.tenantId)
      if (row.version < highest(held.manifest.keys('tenantKey'))) {
        throw new TypeError(`tenant ${row.tenantId} has had a tenant key version above ${row.version}`)
      }
      const access = await keyAccessQueries(db, parts).findOfProvider(row.tenantId, row.keyArn)
      const values = {
        tenant_id: row.tenantId,
        version: row.version,
        id: row.id,
        state: row.state,
        key_arn: row.keyArn,
        wrapped: row.wrapped,
        key_check_value: row.keyCheckValue,
        created_at: held.now,
        destroy_after: null,
        destroyed_at: null,
        format: await formatOfNext(row.tenantId),
        ...(access ?? noAccess),
      }
      const mac = macs.sign('tenantKey', values)
      await db
        .insertInto('tenant_keys')
        .values({ ...values, mac })
        .execute()
      held.manifest.set('tenantKey', row.version, mac)
      // The first one of a tenant that is made.
      if (held.row?.active_tenant_key_version === row.version) held.change({ active_tenant_key_id: row.id })
      await keyProbeQueries(db, parts.fences).begin(row, firstProbeSeconds)
    },

    /** @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC` where nobody knows whether the tenant is locked */
    async find(tenantId: string, version: number): Promise<FoundTenantKey | undefined> {
      const { rows, verify, fence } = await readVersion(db, parts, tenantId, version)
      const [row] = rows.map((each) => verify('tenantKey', each.version, each))
      // Another one of the tenant is authentic too, and may have a format that binds less.
      if (row !== undefined && row.version !== version) macs.reject('tenantKey', row, 'forged')
      const guard = row && (await guards.find(tenantId))
      return (
        guard && {
          tenantId: row.tenant_id,
          version: row.version,
          id: row.id,
          state: row.state,
          keyArn: row.key_arn,
          wrapped: row.wrapped ?? undefined,
          keyCheckValue: row.key_check_value,
          format: formatOf(row),
          isBelieved: formatOf(row) === 2 || (row.destroy_after === null && (await isInUse(row, fence))),
          isLocked: guard.lock !== undefined,
          keyCacheTtlMs:
            guard.keyCacheTtlSeconds === undefined ? undefined : guard.keyCacheTtlSeconds * msPerSecond,
        }
      )
    },

    /** All versions ever made, the oldest first. */
    async list(tenantId: string): Promise<TenantKeyVersion[]> {
      return (await read(tenantId, select(sql`tenant_id = ${tenantId}`))).map(fromVersionRow)
    },

    /** All versions ever made, the oldest first, for the record of the tenant's deletion: its guard may be faulty. */
    async describeAll(tenantId: string): Promise<DescribedVersion[]> {
      const rows = await read(tenantId, select(sql`tenant_id = ${tenantId}`))
      return rows.map((row) => ({
        ...fromVersionRow(row),
        ...{ id: row.id, keyCheckValue: row.key_check_value },
      }))
    },

    /** The versions below `before`, or all, the newest first, for people: faulty and missing ones beside the others. */
    async listNewest(
      tenantId: string,
      { before, limit }: { before?: number | undefined; limit: number },
    ): Promise<ShownVersion[]> {
      const isBefore = before === undefined ? sql`true` : sql`version < ${before}::bigint`
      const newest = sql`select row_number() over (order by version desc) as place, ${columns} from keyhold.tenant_keys v
        where tenant_id = ${tenantId} and ${isBefore} order by version desc limit ${limit}`
      const { rows, keys } = await readShown<'tenantKey', StoredVersion>(
        db,
        parts,
        tenantId,
        'tenantKey',
        (row) => row.version,
        newest,
      )
      const found = rows.map(({ row }) => row.version)
      const missing = keys
        .map(Number)
        .filter((version) => version < (before ?? Infinity) && !found.includes(version))
      const tampered = (version: number) => ({ version, isTampered: true as const })
      return (
        [
          ...rows.map(({ row, isTampered }) =>
            isTampered ? tampered(row.version) : fromVersionRow(row as Authentic<StoredVersion>),
          ),
          ...missing.map(tampered),
        ]
          .sort((a, b) => b.version - a.version)
          // Missing ones that belong to a later page come after the rows of this one.
          .slice(0, limit)
      )
    },

    /**
     * The highest version ever made, so that no version number is used twice. Without the fence it may be out of date, and
     * `insert` looks again.
     */
    async maxVersion(tenantId: string): Promise<number> {
      return highest((await this.list(tenantId)).map(({ version }) => version))
    },

    /** Under `withFence`. */
    async setState(tenantId: string, version: number, state: 'active' | 'decrypt-only'): Promise<void> {
      const { rows, change } = await lock(tenantId, sql`version = ${version}`)
      const [row] = rows
      if (row === undefined) throw new TypeError(`tenant ${tenantId} has no tenant key version ${version}`)
      await change(row, { state })
    },

    /**
     * Ends the versions besides `version` that have no end yet: after `retentionDays`; 0: at once. Under `withFence`.
     *
     * @param needed - versions that wrap a cipherkey: they stay decrypt-only, without an end
     * @returns the versions that are destroyed now
     */
    async retireOthers(
      tenantId: string,
      version: number,
      needed: readonly number[],
      retentionDays: number,
    ): Promise<number[]> {
      const { held, rows, change, destroy } = await lock(tenantId, sql`version <> ${version}`)
      const destroyed: number[] = []
      for (const row of rows) {
        if (row.state === 'destroyed' || row.version === version) continue
        const ends = row.destroy_after === null && !needed.includes(row.version)
        if (ends && retentionDays === 0) {
          await destroy(row)
          destroyed.push(row.version)
          continue
        }
        const destroyAfter = ends
          ? new Date(held.now.getTime() + retentionDays * msPerDay)
          : row.destroy_after
        if (ends || row.state !== 'decrypt-only')
          await change(row, { state: 'decrypt-only', destroy_after: destroyAfter })
      }
      return destroyed
    },

    /** Destroys a version that never wrapped anything, and answers it, if there is one. Under `withFence`. */
    async destroyPending(tenantId: string): Promise<number[]> {
      const { rows, destroy } = await lock(tenantId, sql`state = 'pending'`)
      const pending = rows.filter(({ state }) => state === 'pending')
      for (const row of pending) await destroy(row)
      return pending.map(({ version }) => version)
    },

    /**
     * The active versions that are older than that and whose tenant has no live key job, the oldest first; those after
     * `after` alone. They are due since they were made.
     */
    async listDueForRotation(maxAgeDays: number, limit: number, after?: DueVersion): Promise<DueVersion[]> {
      const rest =
        after === undefined
          ? sql`true`
          : sql`(t.created_at, t.tenant_id) > (${after.dueAt}::timestamptz, ${after.tenantId})`
      const { rows } = await sql<{ tenant_id: string; version: number; due_at: string }>`
        select t.tenant_id, t.version, t.created_at::text as due_at from keyhold.tenant_keys t
        where t.state = 'active' and t.created_at < now() - make_interval(days => ${maxAgeDays}) and ${rest}
          and not exists (
            select from keyhold.key_jobs j
            where j.tenant_id = t.tenant_id and j.phase not in ('done', 'aborted')
          )
        order by t.created_at, t.tenant_id limit ${limit}`.execute(db)
      return rows.map((row) => ({ tenantId: row.tenant_id, version: row.version, dueAt: row.due_at }))
    },

    /** Whether the version is the active one and older than that. */
    async isOlder({ tenantId, version }: DueVersion, maxAgeDays: number): Promise<boolean> {
      const [row] = await read(tenantId, select(sql`tenant_id = ${tenantId} and version = ${version}`))
      return (
        row?.state === 'active' && row.created_at.getTime() < clock.now().getTime() - maxAgeDays * msPerDay
      )
    },

    /**
     * Versions whose backup retention has passed, on the database's clock and on this replica's: the longest due first, and
     * only those after `after`.
     */
    async listDueForDestruction(limit: number, after?: DueVersion): Promise<DueVersion[]> {
      const rest =
        after === undefined
          ? sql`true`
          : sql`(destroy_after, tenant_id, version) > (${after.dueAt}::timestamptz, ${after.tenantId}, ${after.version}::int)`
      const { rows } = await sql<{ tenant_id: string; version: number; due_at: string }>`
        select tenant_id, version, destroy_after::text as due_at from keyhold.tenant_keys
        where state = 'decrypt-only' and ${isDueOnBothClocks(clock, sql`destroy_after`)} and ${rest}
        order by destroy_after, tenant_id, version limit ${limit}`.execute(db)
      return rows.map((row) => ({ tenantId: row.tenant_id, version: row.version, dueAt: row.due_at }))
    },

    /** Destroys a version whose backup retention has passed; false: it has not, or another was faster. Under `withFence`. */
    async destroy(tenantId: string, version: number): Promise<boolean> {
      const { held, rows, destroy } = await lock(tenantId, sql`version = ${version}`)
      const [row] = rows
      if (row?.state !== 'decrypt-only' || row.destroy_after === null) return false
      if (!hasPassedOnBothClocks(clock, held.now, row.destroy_after)) return false
      await destroy(row)
      return true
    },

    /**
     * Empties all versions, whatever they still wrap: nothing of the tenant can be decrypted from then on. Under
     * `withFence`.
     */
    async destroyAll(tenantId: string): Promise<void> {
      const { rows, destroy } = await lock(tenantId, sql`true`)
      for (const row of rows) if (row.state !== 'destroyed') await destroy(row)
    },

    /** Under `withFence`. */
    async deleteAll(tenantId: string): Promise<void> {
      const { manifest } = heldOf(parts.held, tenantId)
      await db.deleteFrom('tenant_keys').where('tenant_id', '=', tenantId).execute()
      for (const version of manifest.keys('tenantKey')) manifest.delete('tenantKey', version)
    },
  }
}

function highest(versions: readonly (number | string)[]): number {
  return versions.reduce<number>((max, version) => Math.max(max, Number(version)), 0)
}

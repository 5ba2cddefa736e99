// Reads for what a replica keeps outside of the database about rows that it has verified: their generations, and the decisions that must
// not be undone by an older database. Every fact comes from a row that was verified and compared with the memory of this replica.
import { sql } from 'kysely'
import type { apiKeyQueries } from '../api-keys/api-keys.ts'
import { unlessFaulty } from '../authentic/row-faults.ts'
import { columnsOfKind, type StoredRow } from '../authentic/steering-kinds.ts'
import type { Database } from '../database.ts'
import { destructionColumns } from '../destructions/destruction-row.ts'
import { readCovered, type CoverParts } from '../fence/covered-rows.ts'
import type { guardQueries } from '../guards/guards.ts'
import type { installationQueries } from '../installation.ts'
import type { keyJobQueries } from '../key-jobs/key-jobs.ts'

export interface FenceFacts {
  /** From the beginning of its deletion there is no way back. */
  isEnding: boolean
  currentFingerprint: string | null
  liveJobId: string | null
  isLiveJobCancelled: boolean
  /** By data key id. */
  minimumVersions: Readonly<Record<string, number>>
  /** Destructions that are neither done nor cancelled. */
  openDestructions: readonly string[]
  /** The last ones that were done. */
  doneDestructions: readonly string[]
}

export interface GuardFacts {
  incarnation: string
  /** Milliseconds since 1970. Null: it is not locked. */
  lockedAtMs: number | null
  lockedBy: string | null
  keyCacheTtlSeconds: number | null
  apiKeyGeneration: number
  /** The API keys that hold. */
  apiKeys: readonly string[]
}

export interface InstallationFacts {
  apiKeyGeneration: number
  /** The API keys of no tenant that hold. */
  apiKeys: readonly string[]
}

/** Facts as of a generation of the row that they come from. */
export interface Known<Facts> {
  generation: number
  facts: Facts
}

/** As the rows show them. Nobody has verified them. */
export interface ShownGenerations {
  tenantId: string
  fence: number
  /** Undefined: it has no guard. */
  guard: number | undefined
}

interface Parts {
  guards: Pick<ReturnType<typeof guardQueries>, 'findRow'>
  keyJobs: Pick<ReturnType<typeof keyJobQueries>, 'findLive'>
  installation: Pick<ReturnType<typeof installationQueries>, 'findRow'>
  apiKeys: Pick<ReturnType<typeof apiKeyQueries>, 'listHolding'>
}

// An older database that is older than so many destructions of a tenant is told so by its operator alone.
const mostDone = 200
const noFacts: FenceFacts = {
  isEnding: true,
  currentFingerprint: null,
  liveJobId: null,
  isLiveJobCancelled: false,
  minimumVersions: {},
  openDestructions: [],
  doneDestructions: [],
}

export function generationQueries(
  db: Database,
  cover: CoverParts,
  { guards, keyJobs, installation, apiKeys }: Parts,
) {
  const { macs } = cover.fences

  async function readDone(tenantId: string): Promise<string[]> {
    const rows = await db
      .selectFrom('destructions')
      .select(destructionColumns)
      .where('tenant_id', '=', tenantId)
      .where('destroyed_at', 'is not', null)
      .orderBy('destroyed_at', 'desc')
      .limit(mostDone)
      .execute()
    return rows
      .filter((row) => unlessFaulty(() => macs.verify('destruction', row)) !== undefined)
      .map(({ id }) => id)
  }

  return {
    /** Of those of the tenants that exist. For who compares them, and reads again what is older. */
    async glance(tenantIds: readonly string[]): Promise<ShownGenerations[]> {
      const rows = await db
        .selectFrom('tenants as t')
        .leftJoin('tenant_guards as g', 'g.tenant_id', 't.id')
        .select(['t.id', 't.generation as fence', 'g.generation as guard'])
        .where('t.id', '=', sql<string>`any(${tenantIds}::text[])`)
        .execute()
      return rows.map(({ id, fence, guard }) => ({ tenantId: id, fence, guard: guard ?? undefined }))
    },

    /** The same of rows that Keyhold wrote. Where it did not write one, its generation is 0. */
    async glanceVerified(tenantIds: readonly string[]): Promise<ShownGenerations[]> {
      const among = sql<string>`any(${tenantIds}::text[])`
      const fences = await db
        .selectFrom('tenants')
        .select(columnsOfKind('fence'))
        .where('id', '=', among)
        .execute()
      const guards = await db
        .selectFrom('tenant_guards')
        .select(columnsOfKind('guard'))
        .where('tenant_id', '=', among)
        .execute()
      const verified = new Map(
        guards.map((row) => [row.tenant_id, macs.inspect('guard', row) === undefined ? row.generation : 0]),
      )
      return fences.map((row) => ({
        tenantId: row.id,
        fence: macs.inspect('fence', row) === undefined ? row.generation : 0,
        guard: verified.get(row.id),
      }))
    },

    /**
     * Undefined: there is no such tenant.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
     */
    async readFence(tenantId: string): Promise<Known<FenceFacts> | undefined> {
      const covered = await readCovered<StoredRow<'minimumVersion'>>(
        db,
        cover,
        tenantId,
        sql`select row_number() over (order by data_key_id) as place,
          ${sql.join(columnsOfKind('minimumVersion').map((column) => sql.ref(column)))}
          from keyhold.minimum_versions where tenant_id = ${tenantId}`,
      )
      const { fenceRow } = covered
      if (fenceRow === undefined) return undefined
      const { generation } = fenceRow
      if (fenceRow.ending_at !== null) return { generation, facts: noFacts }
      const minimums = covered.rows.map((row) => covered.verify('minimumVersion', row.data_key_id, row))
      if (minimums.length !== covered.keys('minimumVersion').length) covered.refuse()
      const liveJobId = fenceRow.live_job_id
      const live = liveJobId === null ? undefined : await keyJobs.findLive(tenantId)
      return {
        generation,
        facts: {
          isEnding: false,
          currentFingerprint: fenceRow.current_fingerprint,
          liveJobId,
          // If another one is live by now, the fence has changed, and is read again.
          isLiveJobCancelled:
            liveJobId !== null && (live?.id !== liveJobId || live.cancelledAt !== undefined),
          minimumVersions: Object.fromEntries(minimums.map((row) => [row.data_key_id, row.minimum_version])),
          openDestructions: covered.keys('destruction'),
          doneDestructions: await readDone(tenantId),
        },
      }
    },

    /**
     * Undefined: there is no such tenant.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
     */
    async readGuard(tenantId: string): Promise<Known<GuardFacts> | undefined> {
      const row = await guards.findRow(tenantId)
      if (row === undefined) return undefined
      return {
        generation: row.generation,
        facts: {
          incarnation: row.incarnation,
          lockedAtMs: row.locked_at?.getTime() ?? null,
          lockedBy: row.locked_by,
          keyCacheTtlSeconds: row.key_cache_ttl_seconds,
          apiKeyGeneration: row.api_key_generation,
          apiKeys: await apiKeys.listHolding(tenantId),
        },
      }
    },

    /**
     * Undefined: there is no row.
     *
     * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`
     */
    async readInstallation(): Promise<Known<InstallationFacts> | undefined> {
      const row = await installation.findRow()
      if (row === undefined) return undefined
      return {
        generation: row.generation,
        facts: { apiKeyGeneration: row.api_key_generation, apiKeys: await apiKeys.listHolding(undefined) },
      }
    },
  }
}

// The minimum versions of data keys. The states of cipherkeys are a copy for replicas of the version before, and for lists.
import { KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import type { Database } from '../database.ts'
import type { CoverParts } from '../fence/covered-rows.ts'
import { heldOf, rewriteRow } from '../fence/rewrite-row.ts'
import { verifyListed } from '../fence/verify-listed.ts'
import { columnsOfKind, type StoredRow } from '../authentic/steering-kinds.ts'
import type { Authentic } from '../authentic/row-macs.ts'
import type { CipherkeyState } from '../tables.ts'

// All of them are read with each of the tenant's keys that is not in memory: some 8 ms of the processor for so many.
const maxMinimumVersions = 1_000

export function minimumVersionQueries(db: Database, parts: CoverParts) {
  const { macs } = parts.fences

  /** Under the fence: it stays as it is until it is rewritten. */
  async function lock(
    tenantId: string,
    dataKeyId: string,
  ): Promise<Authentic<StoredRow<'minimumVersion'>> | undefined> {
    const held = heldOf(parts.held, tenantId)
    const found = await db
      .selectFrom('minimum_versions')
      .select(columnsOfKind('minimumVersion'))
      .where('tenant_id', '=', tenantId)
      .where('data_key_id', '=', dataKeyId)
      .forUpdate()
      .executeTakeFirst()
    return found && verifyListed({ macs, held }, 'minimumVersion', dataKeyId, found)
  }

  async function remove(tenantId: string, dataKeyId: string): Promise<void> {
    const { manifest } = heldOf(parts.held, tenantId)
    if ((await lock(tenantId, dataKeyId)) === undefined) return
    await db
      .deleteFrom('minimum_versions')
      .where('tenant_id', '=', tenantId)
      .where('data_key_id', '=', dataKeyId)
      .execute()
    manifest.delete('minimumVersion', dataKeyId)
  }

  async function store(
    tenantId: string,
    dataKeyId: string,
    minimum: number,
    most = maxMinimumVersions,
  ): Promise<void> {
    const held = heldOf(parts.held, tenantId)
    const before = await lock(tenantId, dataKeyId)
    const row = { tenant_id: tenantId, data_key_id: dataKeyId, minimum_version: minimum }
    if (before !== undefined) {
      const changes = { minimum_version: minimum }
      await rewriteRow(db, { macs, held }, 'minimumVersion', dataKeyId, before, changes)
      return
    }
    if (held.manifest.keys('minimumVersion').length >= most) throw tooMany()
    const mac = macs.sign('minimumVersion', row)
    await db
      .insertInto('minimum_versions')
      .values({ ...row, mac })
      .execute()
    held.manifest.set('minimumVersion', dataKeyId, mac)
  }

  async function retireBelow(tenantId: string, dataKeyId: string, minimum: number): Promise<void> {
    await db
      .selectFrom('cipherkeys')
      .select('version')
      .where('tenant_id', '=', tenantId)
      .where('data_key_id', '=', dataKeyId)
      .orderBy('version')
      .forUpdate()
      .execute()
    await db
      .updateTable('cipherkeys')
      .set({
        state: sql<CipherkeyState>`case when version < ${minimum} then 'retired' else 'decrypt-only' end`,
      })
      .where('tenant_id', '=', tenantId)
      .where('data_key_id', '=', dataKeyId)
      .where('state', '!=', 'active')
      .execute()
  }

  return {
    /**
     * Retires the versions below the minimum, and brings back the others. The active one stays as it is. Call it under
     * `withFence`.
     *
     * @param minimum - from 1
     * @throws KeyholdError `ERR_MINIMUM_VERSION_QUOTA` when 1,000 other data keys of the tenant have one above 1
     */
    async set(tenantId: string, dataKeyId: string, minimum: number): Promise<void> {
      if (minimum > 1) await store(tenantId, dataKeyId, minimum)
      else await remove(tenantId, dataKeyId)
      await retireBelow(tenantId, dataKeyId, minimum)
    },

    /**
     * Raises the minimum to at least this one, and answers whether it was lower. There is no limit to how many have one: it is
     * a decision from before, which an older database has lost. Call it under `withFence`.
     */
    async raise(tenantId: string, dataKeyId: string, minimum: number): Promise<boolean> {
      const before = await lock(tenantId, dataKeyId)
      if ((before?.minimum_version ?? 1) >= minimum) return false
      await store(tenantId, dataKeyId, minimum, Infinity)
      await retireBelow(tenantId, dataKeyId, minimum)
      return true
    },

    /** For a data key that is destroyed. Call it under `withFence`. */
    forget: remove,
  }
}

function tooMany(): KeyholdError {
  return new KeyholdError('ERR_MINIMUM_VERSION_QUOTA', {
    message: `A tenant has at most ${maxMinimumVersions} data keys with a minimum version above 1: bring the values of one of them under its active version, and set its minimum to 1.`,
  })
}

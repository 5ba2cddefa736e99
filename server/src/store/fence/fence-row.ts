// The row of a fence, and what may be believed of it.
import type { Authentic, RowMacs } from '../authentic/row-macs.ts'
import type { KnownManifests } from '../authentic/known-manifests.ts'
import type { SeenGenerations } from '../authentic/seen-generations.ts'
import type { StoredRow } from '../authentic/steering-kinds.ts'

export type FenceRow = StoredRow<'fence'>

/** The version that wraps new data keys, and the epoch in which that holds. */
export interface Fence {
  epoch: number
  activeTenantKeyVersion: number
  /**
   * Stands in place of what rows of other tables show. Undefined until the rows are adopted: replicas of the version before
   * do not keep it.
   */
  stated: StatedByFence | undefined
}

export interface StatedByFence {
  activeTenantKeyId: string | undefined
  currentFingerprint: string | undefined
  liveJobId: string | undefined
}

export interface FenceParts {
  macs: RowMacs
  /** Of fences. */
  seen: SeenGenerations
  manifests: KnownManifests
}

/**
 * Verifies a row that was read, and remembers its generation.
 *
 * @param tenantId - the one that was asked for: a database may answer with the fence of another, which is authentic
 * @param seen - what was remembered before the statement began that read it
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED`, `ERR_SEALED`
 */
export function acceptFence(
  parts: FenceParts,
  tenantId: string,
  row: FenceRow,
  seen: number,
): Authentic<FenceRow> {
  const authentic = verifyFence(parts, tenantId, row)
  if (row.generation < seen) parts.macs.reject('fence', row, 'older')
  parts.seen.raise(row.id, row.generation)
  return authentic
}

/** The same where nothing may be compared with what was read before. */
export function verifyFence(
  { macs }: Pick<FenceParts, 'macs'>,
  tenantId: string,
  row: FenceRow,
): Authentic<FenceRow> {
  const authentic = macs.verify('fence', row)
  if (row.id !== tenantId) macs.reject('fence', row, 'forged')
  return authentic
}

/** Undefined: the tenant's deletion has begun. */
export function fenceOf({ macs }: Pick<FenceParts, 'macs'>, row: Authentic<FenceRow>): Fence | undefined {
  if (row.ending_at !== null) return undefined
  return {
    epoch: row.fence_epoch,
    activeTenantKeyVersion: row.active_tenant_key_version,
    stated: macs.requiresMacs()
      ? {
          activeTenantKeyId: row.active_tenant_key_id ?? undefined,
          currentFingerprint: row.current_fingerprint ?? undefined,
          liveJobId: row.live_job_id ?? undefined,
        }
      : undefined,
  }
}

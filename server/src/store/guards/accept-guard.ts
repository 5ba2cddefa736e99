// Believes a guard that was read, or does not.
import type { Authentic, RowMacs } from '../authentic/row-macs.ts'
import type { SeenGenerations } from '../authentic/seen-generations.ts'
import type { FoundGuard, GuardRow } from './guard-rows.ts'

export interface GuardParts {
  macs: RowMacs
  /** Of guards, by their tenants. */
  seen: SeenGenerations
}

/**
 * Verifies the guard of a tenant, and remembers its generation. Undefined: it has none, which is right until the rows are
 * adopted.
 *
 * @param before - the generation that was remembered before the statement began that read it
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_ROOT_KEY_OUTDATED`, `ERR_SEALED`
 */
export function acceptGuard(
  { macs, seen }: GuardParts,
  {
    tenantId,
    row,
    beside,
  }: Pick<FoundGuard, 'tenantId' | 'row'> & {
    beside: Pick<FoundGuard['beside'], 'incarnation'>
  },
  before: number,
): Authentic<GuardRow> | undefined {
  if (row === undefined) {
    macs.reject('guard', { tenant_id: tenantId }, 'missing')
    return undefined
  }
  const authentic = macs.verify('guard', row)
  // It is the guard of another tenant, or of one that had the id before.
  if (row.tenant_id !== tenantId || row.incarnation !== beside.incarnation)
    macs.reject('guard', row, 'forged')
  if (row.generation < before) macs.reject('guard', row, 'older')
  seen.raise(tenantId, row.generation)
  return authentic
}

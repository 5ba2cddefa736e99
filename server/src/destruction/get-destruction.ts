// Finds a destruction for a caller who may see it, and its record.
import { isUuid, KeyholdError } from '@keyhold/core'
import type { OpenRecord } from '../store/authentic/open-record.ts'
import type { DestructionRow } from '../store/destructions/destruction-row.ts'
import type { Store } from '../store/store.ts'
import { recordType } from './destruction-record.ts'

/**
 * @param tenantId - the tenant that it must belong to; undefined: any tenant, for operators
 * @throws KeyholdError `ERR_DESTRUCTION_NOT_FOUND`
 */
export async function getDestruction(
  { destructions }: Pick<Store, 'destructions'>,
  tenantId: string | undefined,
  id: string,
): Promise<DestructionRow> {
  const row = isUuid(id) ? await destructions.find(id) : undefined
  if (row === undefined || (tenantId !== undefined && row.tenantId !== tenantId))
    throw new KeyholdError('ERR_DESTRUCTION_NOT_FOUND')
  return row
}

/**
 * Opens the record of a destruction: its own, or where it ended with its tenant, that of the tenant.
 *
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`
 */
export function openDestructionRecord(
  openRecord: OpenRecord,
  { id, tenantId }: DestructionRow,
  jws: string,
): Promise<Record<string, unknown>> {
  return openRecord(
    jws,
    (payload) =>
      payload.type === recordType &&
      payload.tenantId === tenantId &&
      (payload.id === id || payload.kind === 'tenant'),
  )
}

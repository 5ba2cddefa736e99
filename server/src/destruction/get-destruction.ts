// Finds a destruction for a caller who may see it.
import { isUuid, KeyholdError } from '@keyhold/core'
import type { DestructionRow } from '../store/destructions.ts'
import type { Store } from '../store/store.ts'

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

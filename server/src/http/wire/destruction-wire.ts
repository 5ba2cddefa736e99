// A destruction as the wire shows it.
import type { Destruction } from '@keyhold/contract'
import type { DestructionRow } from '../../store/destructions/destruction-row.ts'

export function destructionWire(row: DestructionRow & { isTampered?: boolean }): Destruction {
  const { keyName, dataKeyId, cipherkeys, cancelledAt, cancelledBy, destroyedAt } = row
  return {
    id: row.id,
    kind: row.kind,
    tenantId: row.tenantId,
    ...(keyName !== undefined && { keyName }),
    ...(dataKeyId !== undefined && { dataKeyId }),
    ...(cipherkeys !== undefined && 'value' in cipherkeys && { cipherkeys: cipherkeys.value.length }),
    state: stateOf(row),
    scheduledAt: row.scheduledAt.toISOString(),
    scheduledBy: row.scheduledBy,
    dueAt: row.dueAt.toISOString(),
    ...(cancelledAt !== undefined && { cancelledAt: cancelledAt.toISOString() }),
    ...(cancelledBy !== undefined && { cancelledBy }),
    ...(destroyedAt !== undefined && { destroyedAt: destroyedAt.toISOString() }),
  }
}

function stateOf({
  isTampered,
  begunAt,
  cancelledAt,
  destroyedAt,
}: DestructionRow & { isTampered?: boolean }): Destruction['state'] {
  if (isTampered === true) return 'tampered'
  if (destroyedAt !== undefined) return 'destroyed'
  if (begunAt !== undefined) return 'destroying'
  return cancelledAt === undefined ? 'scheduled' : 'cancelled'
}

// The members that the records of all destructions have.
import type { DestructionRow } from '../store/destructions.ts'

export function destructionRecord(
  { id, kind, tenantId, scheduledBy, scheduledAt, dueAt }: DestructionRow,
  destroyedAt: Date,
): Record<string, unknown> {
  return {
    type: 'keyhold/destruction-record/1',
    id,
    kind,
    tenantId,
    scheduledBy,
    scheduledAt: scheduledAt.toISOString(),
    dueAt: dueAt.toISOString(),
    destroyedAt: destroyedAt.toISOString(),
  }
}

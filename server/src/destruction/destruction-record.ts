// The members that the records of all destructions have.
import type { DestructionRow } from '../store/destructions/destruction-row.ts'
import type { TransactionStore } from '../store/store.ts'

export const recordType = 'keyhold/destruction-record/1'

/** The time. The database has just said that it is due, and the reckoned time may be some milliseconds behind. */
export function endTimeOf({ clock }: TransactionStore, { dueAt }: DestructionRow): Date {
  return new Date(Math.max(clock.now().getTime(), dueAt.getTime()))
}

export function destructionRecord(
  { id, kind, tenantId, scheduledBy, scheduledAt, dueAt }: DestructionRow,
  destroyedAt: Date,
): Record<string, unknown> {
  return {
    type: recordType,
    id,
    kind,
    tenantId,
    scheduledBy,
    scheduledAt: scheduledAt.toISOString(),
    dueAt: dueAt.toISOString(),
    destroyedAt: destroyedAt.toISOString(),
  }
}

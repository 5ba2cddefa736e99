// Writes destructions into the audit trail. The operator destroys tenants; the tenant's admin destroys data keys.
import type { AuditAction } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { DestructionRow } from '../store/destructions/destruction-row.ts'
import type { TransactionStore } from '../store/store.ts'

export type DestructionStep = 'scheduled' | 'cancelled' | 'done'

const actions = {
  'data-key': {
    scheduled: 'datakey.schedule-destruction',
    cancelled: 'datakey.cancel-destruction',
    done: 'datakey.destroy',
  },
  cipherkeys: {
    scheduled: 'datakey.schedule-destruction',
    cancelled: 'datakey.cancel-destruction',
    done: 'datakey.destroy',
  },
  tenant: {
    scheduled: 'tenant.schedule-deletion',
    cancelled: 'tenant.cancel-deletion',
    done: 'tenant.delete',
  },
} as const satisfies Record<DestructionRow['kind'], Record<DestructionStep, AuditAction>>

/** Records how many cipherkeys a destruction has left, since they open again. */
export function auditKept(
  transaction: Pick<TransactionStore, 'audit'>,
  { id, tenantId }: DestructionRow,
  count: number,
  actor: Actor,
): void {
  const details = { cipherkeys: String(count) }
  transaction.audit({ tenantId, actor, action: 'datakey.keep', targetId: id, details })
}

export function auditDestruction(
  transaction: Pick<TransactionStore, 'audit'>,
  { id, tenantId, kind, keyName, dataKeyId, cipherkeys, dueAt }: DestructionRow,
  step: DestructionStep,
  actor: Actor,
): void {
  // The end of a tenant is recorded in the same chain as its beginning.
  const isEnd = kind === 'tenant' && step === 'done'
  transaction.audit({
    tenantId: isEnd ? undefined : tenantId,
    actor,
    action: actions[kind][step],
    targetId: isEnd ? tenantId : id,
    details: {
      ...(isEnd && { destructionId: id }),
      ...(keyName !== undefined && { keyName }),
      ...(dataKeyId !== undefined && { dataKeyId }),
      ...(cipherkeys !== undefined &&
        'value' in cipherkeys && { cipherkeys: String(cipherkeys.value.length) }),
      dueAt: dueAt.toISOString(),
    },
  })
}

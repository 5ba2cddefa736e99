// Writes the steps of key jobs into the audit trail: each step once, in the transaction that takes it.
import type { AuditAction } from '@keyhold/core'
import { systemActor, type Actor } from '../store/audits.ts'
import type { KeyJobRow } from '../store/key-jobs/key-jobs.ts'
import type { TransactionStore } from '../store/store.ts'

type Auditing = Pick<TransactionStore, 'audit'>

export function auditKeyJob(
  transaction: Auditing,
  { id, tenantId, kind }: Pick<KeyJobRow, 'id' | 'tenantId' | 'kind'>,
  action: AuditAction,
  actor: Actor,
  details: Readonly<Record<string, string>> = {},
): void {
  transaction.audit({ tenantId, actor, action, targetId: id, details: { kind, ...details } })
}

/** The source and the target of a key job. Only the operator may see the internal KMS's name for its root key. */
export function endsOf(job: KeyJobRow): Record<string, string> {
  const { tenantId, sourceFingerprint, sourceKeyArn, targetFingerprint, targetKeyArn } = job
  return {
    sourceFingerprint,
    ...(sourceFingerprint !== tenantId && { sourceKeyArn }),
    targetFingerprint,
    ...(targetFingerprint !== tenantId && { targetKeyArn }),
  }
}

/** @param keyJobId - the key job that ended them; undefined: their backup retention has passed */
export function auditTenantKeysDestroyed(
  transaction: Auditing,
  tenantId: string,
  versions: readonly number[],
  keyJobId?: string,
): void {
  const details = keyJobId === undefined ? {} : { migrationId: keyJobId }
  for (const version of versions) {
    transaction.audit({
      tenantId,
      actor: systemActor,
      action: 'tenantkey.destroy',
      targetId: String(version),
      details,
    })
  }
}

// An audit record as the wire shows it.
import type { Audit } from '@keyhold/contract'
import type { AuditAction } from '@keyhold/core'
import type { AuditRow } from '../../store/audits.ts'

export function auditWire(row: AuditRow): Audit {
  return {
    ...(row.tenantId !== undefined && { tenantId: row.tenantId }),
    sequence: row.sequence,
    id: row.id,
    at: row.at.toISOString(),
    actor: { id: row.actorId, ...(row.actorRole !== undefined && { role: row.actorRole }) },
    // Any stored text is shown, even if somebody has changed it, because a verification needs exactly the stored text.
    action: row.action as AuditAction,
    target: { kind: row.targetKind, id: row.targetId },
    ...(row.traceId !== undefined && { traceId: row.traceId }),
    details: row.details,
    hash: row.hash.toString('hex'),
  }
}

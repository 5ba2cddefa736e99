// Walks along a chain of audit records and computes every hash again, without trusting the server.
import { KeyholdClientError, type Audit, type AuditHead } from '@keyhold/client'
import { auditChainStart, auditHash, type AuditRecord } from '@keyhold/client/node'
import { CliError } from '../errors/cli-error.ts'
import type { AuditSource } from './audit-source.ts'

type Head = AuditHead['head']

const keepEvidence =
  'somebody has changed the database behind Keyhold: keep it and its backups as they are, and compare them record by record'

/**
 * Verifies all records up to `head`, and that `kept`, an earlier head, fits in among them.
 *
 * @throws CliError `failed`, which names the first record that is wrong
 */
export async function verifyChain(
  source: Pick<AuditSource, 'pages'>,
  head: Head,
  kept: Head | undefined,
): Promise<void> {
  if (kept !== undefined) refuseForeign(kept, head)
  let hash = auditChainStart
  let sequence = 0
  refuseOtherHash(kept, sequence, hash)
  for await (const audits of source.pages(0)) {
    for (const audit of audits) {
      if (sequence === head.sequence) break
      sequence += 1
      hash = hashOf(audit, { hash, sequence, tenantId: head.tenantId })
      refuseOtherHash(kept, sequence, hash)
    }
    if (sequence === head.sequence) break
  }
  if (sequence < head.sequence)
    throw broken(
      `the chain ends after record ${sequence}, but its signed head names ${head.sequence} records`,
    )
  refuseOtherHash(head, sequence, hash)
}

function refuseForeign(kept: Head, head: Head): void {
  if (kept.tenantId !== head.tenantId) {
    throw new CliError(
      'usage',
      'ERR_CLI_AUDIT_HEAD',
      `the kept head is of ${nameOf(kept)}, not of ${nameOf(head)}`,
      { hint: 'name the file that was saved from this chain' },
    )
  }
  if (kept.sequence > head.sequence)
    throw broken(
      `the chain ends after record ${head.sequence}, but the head kept on ${kept.signedAt} names ${kept.sequence} records`,
    )
}

function refuseOtherHash(known: Head | undefined, sequence: number, hash: Buffer): void {
  if (known?.sequence !== sequence || known.hash === hash.toString('hex')) return
  throw broken(`up to record ${sequence} the chain is not the one whose head was signed on ${known.signedAt}`)
}

/**
 * The hash of the next record of a chain.
 *
 * @param hash - of the record before
 * @throws CliError `failed` where it is not the next one, or not as it was recorded
 */
export function hashOf(
  audit: Audit,
  { hash, sequence, tenantId }: { hash: Buffer; sequence: number; tenantId: string | null },
): Buffer {
  if (audit.sequence < sequence)
    throw broken(`record ${audit.sequence} comes again in place of record ${sequence}`)
  if (audit.sequence !== sequence) throw broken(`record ${sequence} is missing: ${audit.sequence} comes next`)
  if ((audit.tenantId ?? null) !== tenantId) throw broken(`record ${sequence} belongs to another chain`)
  const computed = tryHash(hash, recordOf(audit))
  if (computed?.toString('hex') !== audit.hash)
    throw broken(`record ${sequence}, or one before it, is not as it was recorded`)
  return computed
}

function recordOf(audit: Audit): AuditRecord {
  return {
    ...{ tenantId: audit.tenantId, sequence: audit.sequence, id: audit.id, at: new Date(audit.at) },
    ...{ actorId: audit.actor.id, actorRole: audit.actor.role, action: audit.action },
    ...{ targetKind: audit.target.kind, targetId: audit.target.id },
    ...{ traceId: audit.traceId, details: audit.details },
  }
}

/** Undefined where it is not a record at all. */
function tryHash(previous: Buffer, record: AuditRecord): Buffer | undefined {
  try {
    return auditHash(previous, record)
  } catch (error) {
    if (error instanceof KeyholdClientError) return undefined
    throw error
  }
}

export function nameOf({ tenantId }: Pick<Head, 'tenantId'>): string {
  return tenantId === null ? 'the installation' : `tenant ${tenantId}`
}

export function broken(message: string): CliError {
  return new CliError('failed', 'ERR_CLI_AUDIT_BROKEN', message, { hint: keepEvidence })
}

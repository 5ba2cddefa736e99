// Walks along a chain of audit records and computes every hash again, without trusting the server.
import { KeyholdApiError, KeyholdClientError, type Audit, type AuditHead } from '@keyhold/client'
import { auditChainStart, auditHash, type AuditRecord } from '@keyhold/client/node'
import { CliError } from '../errors/cli-error.ts'
import type { AuditSource } from './audit-source.ts'

type Head = AuditHead['head']

const keepEvidence =
  'somebody has changed the database behind Keyhold: keep it and its backups as they are, and compare them record by record'

/**
 * Verifies all records up to `head`, and that `kept`, an earlier head, fits in among them. Where the server names a record that
 * it did not write, that one is wrong, whatever its hash.
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
  for await (const { audits, forged } of source.pages(0)) {
    for (const audit of audits) {
      if (sequence === head.sequence) break
      sequence += 1
      hash = hashOf(audit, { hash, sequence, tenantId: head.tenantId })
      refuseOtherHash(kept, sequence, hash)
      if (sequence === forged) throw notWritten(forged)
    }
    if (sequence === head.sequence) break
  }
  if (sequence < head.sequence)
    throw broken(
      `the chain ends after record ${sequence}, but its signed head names ${head.sequence} records`,
    )
  refuseOtherHash(head, sequence, hash)
}

/**
 * The signed head of a chain. A server signs none of a chain that somebody else has written: then the first record of that is
 * named.
 *
 * @throws CliError `failed`, which names the record; what the server answers where none is wrong
 */
export async function headOrForged(source: Pick<AuditSource, 'pages' | 'head'>): Promise<AuditHead> {
  try {
    return await source.head()
  } catch (error) {
    if (!(error instanceof KeyholdApiError) || error.code !== 'ERR_RECORD_NOT_AUTHENTIC') throw error
    let last = 0
    let authenticTo = 0
    for await (const page of source.pages(0)) {
      if (page.forged !== undefined) throw notWritten(page.forged)
      last = page.audits.at(-1)?.sequence ?? last
      authenticTo = page.authenticTo ?? authenticTo
    }
    // Of records without codes none is known to be wrong.
    if (authenticTo === 0 || authenticTo === last) throw error
    throw broken(
      `Keyhold did not write the end of the chain: after record ${authenticTo} no record has a right message authentication code`,
    )
  }
}

function notWritten(sequence: number): CliError {
  return broken(
    `record ${sequence} was not written by Keyhold: its message authentication code is wrong, however right its hash is`,
  )
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

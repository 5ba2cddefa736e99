// The hash of an audit record from elsewhere. A broken record is refused: it must not have the hash of another one.
import { auditHash as hashOfRecord, auditHashBytes, isUuid, type AuditRecord } from '@keyhold/core'
import { copyBytes, isBytes } from '../checks/copy-bytes.ts'
import { memberOf } from '../checks/member-of.ts'
import { plainEntries } from '../checks/plain-entries.ts'
import { optional, readMembers } from '../checks/read-members.ts'
import { timeOf } from '../checks/time-of.ts'
import { wrongMember } from '../checks/wrong-member.ts'

const code = 'ERR_CLIENT_AUDIT_RECORD_INVALID'

// The record's bytes hold each length in two bytes.
const maxTextBytes = 0xffff

/**
 * The hash of a record and of all that came before it.
 *
 * @param previous - the hash of the record before, or `auditChainStart`
 * @throws KeyholdClientError `ERR_CLIENT_AUDIT_RECORD_INVALID` for a record that no chain holds, such as one with a
 * broken id or sequence
 */
export function auditHash(previous: Uint8Array, record: AuditRecord): Buffer {
  const before = isBytes(previous) ? copyBytes(previous) : undefined
  if (before?.length !== auditHashBytes) throw wrongMember(code, 'previous', `${auditHashBytes} bytes`)
  return hashOfRecord(Buffer.from(before.buffer), readMembers(record, 'record', recordReaders, code))
}

const recordReaders = {
  tenantId: optional(readAuditText),
  sequence: readSequence,
  id: readId,
  at: readTime,
  actorId: readAuditText,
  actorRole: optional(readAuditText),
  action: readAuditText,
  targetKind: readAuditText,
  targetId: readAuditText,
  traceId: optional(readAuditText),
  details: readDetails,
} as const

function readAuditText(value: unknown, member: string): string {
  if (typeof value === 'string' && value.isWellFormed() && Buffer.byteLength(value) <= maxTextBytes)
    return value
  throw wrongMember(code, member, `well-formed text of at most ${maxTextBytes} bytes`)
}

function readSequence(value: unknown, member: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 1) return value
  throw wrongMember(code, member, 'a whole number from 1')
}

function readId(value: unknown, member: string): string {
  if (typeof value === 'string' && isUuid(value)) return value
  throw wrongMember(code, member, 'a UUID')
}

function readTime(value: unknown, member: string): Date {
  const timeMs = timeOf(value)
  if (timeMs !== undefined && timeMs >= 0) return new Date(timeMs)
  throw wrongMember(code, member, 'a Date since 1970')
}

function readDetails(value: unknown, member: string): Record<string, string> {
  const pairs = plainEntries(value, code, member)
  return Object.fromEntries(pairs.map(([name, text]) => [name, readDetail(name, text, member)]))
}

function readDetail(name: string, text: unknown, member: string): string {
  readAuditText(name, member)
  return readAuditText(text, memberOf(member, name))
}

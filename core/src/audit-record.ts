// The bytes of an audit record, and the chain: each record's hash covers the hash of the record before, so that no
// record can be changed, removed or moved without changing all that follow (docs/formats.md).
import { createHash } from 'node:crypto'
import { appendPairs } from './context/context.ts'
import { uuidToBytes } from './uuid.ts'

export interface AuditRecord {
  /** The tenant whose chain holds the record; undefined: the installation's chain holds it. */
  tenantId: string | undefined
  /** The place in the chain: from 1 on, without gaps. */
  sequence: number
  /** A UUID. */
  id: string
  /** To the millisecond. */
  at: Date
  /** The id of an API key; `system`: Keyhold itself; `command`: the person who ran `keyhold-server` on its machine. */
  actorId: string
  /** The API key's role; undefined for the others. */
  actorRole: string | undefined
  action: string
  targetKind: string
  targetId: string
  /** The trace id of the request, where there was one. */
  traceId: string | undefined
  details: Readonly<Record<string, string>>
}

const magic = Buffer.from('keyhold/audit/1\0', 'ascii')

export const auditHashBytes = 32

/** Stands for the hash before the first record. */
export const auditChainStart: Buffer = Buffer.alloc(auditHashBytes)

/**
 * The hash of a record and of all records before it.
 *
 * @param previous - the hash of the record before, or `auditChainStart`
 * @throws TypeError, RangeError for a record that no chain can hold, such as one with a broken id or sequence
 */
export function auditHash(previous: Buffer, record: AuditRecord): Buffer {
  if (previous.length !== auditHashBytes) throw new RangeError('"previous" expected 32 bytes')
  const { sequence, at } = record
  if (!Number.isSafeInteger(sequence) || sequence < 1)
    throw new RangeError('"sequence" expected one from 1 on')
  const numbers = Buffer.alloc(16)
  numbers.writeBigUInt64BE(BigInt(sequence))
  // This throws for an invalid time and for one before 1970.
  numbers.writeBigUInt64BE(BigInt(at.getTime()), 8)
  const texts = [
    record.actorId,
    record.actorRole ?? '',
    record.action,
    record.targetKind,
    record.targetId,
    record.traceId ?? '',
  ]
  return createHash('sha256')
    .update(magic)
    .update(previous)
    .update(lengthPrefixed(record.tenantId ?? ''))
    .update(numbers)
    .update(uuidToBytes(record.id))
    .update(Buffer.concat(texts.map(lengthPrefixed)))
    .update(appendPairs(Buffer.alloc(0), record.details))
    .digest()
}

function lengthPrefixed(text: string): Buffer {
  // Two lone surrogates would encode to the same bytes.
  if (!text.isWellFormed()) throw new TypeError('a text of an audit record has a lone surrogate')
  const bytes = Buffer.alloc(2 + Buffer.byteLength(text))
  bytes.writeUInt16BE(bytes.length - 2)
  bytes.write(text, 2)
  return bytes
}

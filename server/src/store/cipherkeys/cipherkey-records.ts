// Cipherkeys by the thousand, as bytes: PostgreSQL packs a chunk into one value and unpacks it again, so that the thread
// that answers requests only passes the bytes on. All integers are big-endian.
//
//   read:    16 bytes data key id ‖ u32 version ‖ u32 tenant key version ‖ i64 time ‖ u32 length of the name ‖ u32 length of
//            the wrap ‖ name in UTF-8 ‖ wrapped ‖ 32 bytes check value
//   written: 16 bytes data key id ‖ u32 version ‖ u32 old tenant key version ‖ old wrapped ‖ new wrapped
//
// The time is as PostgreSQL holds it: microseconds since 2000 UTC, and the highest and the lowest number for times without
// end. A data key without a name has the length 0xffffffff and no bytes of it.
//
// Only a wrap of the one right length can have been opened, so both wraps of a written record have that length.
import { uuidFromBytes, uuidToBytes, wrappedDataKeyBytes, type CipherkeyFacts } from '@keyhold/core'
import type { CipherkeyPosition } from './cipherkeys.ts'

const idBytes = 16
const integerBytes = 4
const timeBytes = 8
const checkValueBytes = 32
const timeAt = idBytes + 2 * integerBytes
const nameLengthAt = timeAt + timeBytes
const wrappedLengthAt = nameLengthAt + integerBytes
const nameAt = wrappedLengthAt + integerBytes
const fixedBytes = nameAt + checkValueBytes
const identityBytes = idBytes + integerBytes + checkValueBytes
const noName = 0xffffffff

const startOf2000Ms = 946_684_800_000
const microsecondsOfMs = 1_000n
const endlessTimes = [2n ** 63n - 1n, -(2n ** 63n)]

/** Offsets of a written record, as the statement that unpacks it needs them. */
export const rewrapRecord = {
  version: idBytes,
  oldTenantKeyVersion: idBytes + integerBytes,
  oldWrapped: idBytes + 2 * integerBytes,
  newWrapped: idBytes + 2 * integerBytes + wrappedDataKeyBytes,
  wrappedBytes: wrappedDataKeyBytes,
  bytes: idBytes + 2 * integerBytes + 2 * wrappedDataKeyBytes,
} as const

/** A cipherkey of a chunk; its buffers are views of the chunk. */
export interface CipherkeyRecord extends CipherkeyPosition, CipherkeyFacts {
  tenantKeyVersion: number
  wrapped: Buffer
  keyCheckValue: Buffer
}

/** @throws RangeError when the bytes end in the middle of a record */
export function parseCipherkeyRecords(bytes: Buffer): CipherkeyRecord[] {
  const records: CipherkeyRecord[] = []
  let at = 0
  while (at < bytes.length) {
    const nameLength = bytes.readUInt32BE(at + nameLengthAt)
    const wrappedAt = at + nameAt + nameBytesOf(bytes, at)
    const wrappedEnd = wrappedAt + bytes.readUInt32BE(at + wrappedLengthAt)
    const end = wrappedEnd + checkValueBytes
    if (end > bytes.length) throw new RangeError('a chunk of cipherkeys ends in the middle of a record')
    records.push({
      dataKeyId: uuidFromBytes(bytes.subarray(at, at + idBytes)),
      version: bytes.readUInt32BE(at + idBytes),
      tenantKeyVersion: bytes.readUInt32BE(at + idBytes + integerBytes),
      keyName: nameLength === noName ? undefined : bytes.toString('utf8', at + nameAt, wrappedAt),
      createdAtMs: millisecondsOf(bytes.readBigInt64BE(at + timeAt)),
      wrapped: bytes.subarray(wrappedAt, wrappedEnd),
      keyCheckValue: bytes.subarray(wrappedEnd, end),
    })
    at = end
  }
  return records
}

function nameBytesOf(bytes: Buffer, at: number): number {
  const length = bytes.readUInt32BE(at + nameLengthAt)
  return length === noName ? 0 : length
}

function lengthOf(bytes: Buffer, at: number): number {
  return fixedBytes + nameBytesOf(bytes, at) + bytes.readUInt32BE(at + wrappedLengthAt)
}

/** Since 1970, rounded down as for every wrap; not finite for a time without end. */
function millisecondsOf(microseconds: bigint): number {
  if (endlessTimes.includes(microseconds)) return Number.POSITIVE_INFINITY
  const rest = microseconds % microsecondsOfMs
  const floored = microseconds - (rest < 0n ? rest + microsecondsOfMs : rest)
  return startOf2000Ms + Number(floored / microsecondsOfMs)
}

/** The number of records, the last of them, and the versions of the tenant key that wrap them. */
export function surveyCipherkeyRecords(bytes: Buffer): {
  rows: number
  last: CipherkeyPosition
  tenantKeyVersions: number[]
} {
  const tenantKeyVersions = new Set<number>()
  let rows = 0
  let lastAt = 0
  for (let at = 0; at < bytes.length; rows++) {
    lastAt = at
    tenantKeyVersions.add(bytes.readUInt32BE(at + idBytes + integerBytes))
    at += lengthOf(bytes, at)
  }
  return {
    rows,
    last: {
      dataKeyId: uuidFromBytes(bytes.subarray(lastAt, lastAt + idBytes)),
      version: bytes.readUInt32BE(lastAt + idBytes),
    },
    tenantKeyVersions: [...tenantKeyVersions],
  }
}

/** The parts of `rows` records that no rewrap changes, for each 16 bytes id, u32 version, 32 bytes check value. */
export function identitiesOf(bytes: Buffer, rows: number): Buffer {
  const identities = Buffer.allocUnsafe(rows * identityBytes)
  let to = 0
  for (let at = 0; at < bytes.length; to += identityBytes) {
    const checkValueAt = at + lengthOf(bytes, at) - checkValueBytes
    bytes.copy(identities, to, at, at + idBytes + integerBytes)
    at = checkValueAt + checkValueBytes
    bytes.copy(identities, to + idBytes + integerBytes, checkValueAt, at)
  }
  return identities
}

/** Writes the record of a rewrapped cipherkey at `at`, and answers where the next one begins. */
export function writeRewrapRecord(
  into: Buffer,
  at: number,
  { dataKeyId, version, tenantKeyVersion, wrapped }: Omit<CipherkeyRecord, keyof CipherkeyFacts>,
  newWrapped: Buffer,
): number {
  if (wrapped.length !== wrappedDataKeyBytes || newWrapped.length !== wrappedDataKeyBytes) {
    throw new RangeError(`"wrapped" expected ${wrappedDataKeyBytes} bytes`)
  }
  uuidToBytes(dataKeyId).copy(into, at)
  into.writeUInt32BE(version, at + rewrapRecord.version)
  into.writeUInt32BE(tenantKeyVersion, at + rewrapRecord.oldTenantKeyVersion)
  wrapped.copy(into, at + rewrapRecord.oldWrapped)
  newWrapped.copy(into, at + rewrapRecord.newWrapped)
  return at + rewrapRecord.bytes
}

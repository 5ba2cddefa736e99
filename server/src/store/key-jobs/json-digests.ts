// Digests of the JSON columns of a key job, which the MAC of its progress covers in their place: PostgreSQL keeps the values of
// JSON, and not its bytes. Each is over the canonical form of a row (`encodeRow` of @keyhold/core) with the value's members.
import { encodeRow, type RowColumnType } from '@keyhold/core'
import { createHash } from 'node:crypto'
import type { CipherkeyPosition } from '../cipherkeys/cipherkeys.ts'
import type { KeyJobError, Verification, VerificationPosition } from './key-job-json.ts'

/** Null: the column is null. */
export interface KeyJobJson {
  lastError: KeyJobError | null
  verification: Verification | null
  verifiedTo: VerificationPosition | null
}

const digestBytes = 32
const none = Buffer.alloc(digestBytes)
// In the order in which they stand in `key_jobs.json_digests`.
const parts = ['lastError', 'verification', 'verifiedTo'] as const

type Columns = readonly (readonly [string, RowColumnType])[]

const errorColumns: Columns = [
  ['at', 'text'],
  ['code', 'text'],
  ['message', 'text'],
]
const verificationColumns: Columns = [
  ['acceptedFailures', 'integer'],
  ['cipherkeys', 'integer'],
  ['digest', 'text'],
  ['tenantKeyVersion', 'integer'],
  ['verifiedAt', 'text'],
]
const positionColumns: Columns = [
  ['afterDataKeyId', 'text'],
  ['afterVersion', 'integer'],
  ['copied', 'integer'],
  ['digestState', 'text'],
  ['endDataKeyId', 'text'],
  ['endVersion', 'integer'],
  ['rows', 'integer'],
  ['savedAt', 'text'],
  ['tenantKeyVersion', 'integer'],
]

const encoders: { [Part in keyof KeyJobJson]: (value: NonNullable<KeyJobJson[Part]>) => Buffer } = {
  lastError: (error) => encodeRow('keyJobError', errorColumns, { ...error }),
  verification: (verification) => encodeRow('keyJobVerification', verificationColumns, { ...verification }),
  verifiedTo: ({ after, end, ...position }) =>
    encodeRow('keyJobPosition', positionColumns, {
      ...position,
      ...flat('after', after),
      ...flat('end', end),
    }),
}

/**
 * The digests after a change. Members that are absent keep theirs, also where it is not that of the value: what was not
 * verified is not signed.
 *
 * @param before - null: all columns were null
 */
export function changeJsonDigests(before: Buffer | null, changes: Partial<KeyJobJson>): Buffer | null {
  const digests = parts.map((part) =>
    part in changes ? digestOf(part, changes[part] ?? null) : partOf(before, part),
  )
  return digests.every((digest) => digest.equals(none)) ? null : Buffer.concat(digests)
}

/** Whether a value is the one over which the digests were made. */
export function isInDigests<Part extends keyof KeyJobJson>(
  digests: Buffer | null,
  part: Part,
  value: KeyJobJson[Part],
): boolean {
  return partOf(digests, part).equals(digestOf(part, value))
}

function digestOf<Part extends keyof KeyJobJson>(part: Part, value: KeyJobJson[Part]): Buffer {
  if (value === null) return none
  return createHash('sha256').update(encoders[part](value)).digest()
}

function partOf(digests: Buffer | null, part: keyof KeyJobJson): Buffer {
  if (digests === null) return none
  const at = parts.indexOf(part) * digestBytes
  return digests.subarray(at, at + digestBytes)
}

function flat(name: 'after' | 'end', { dataKeyId, version }: CipherkeyPosition): Record<string, unknown> {
  return { [`${name}DataKeyId`]: dataKeyId, [`${name}Version`]: version }
}

// The cryptography of a key job, on packed cipherkeys. It is pure, so that any thread can do it.
import {
  canBind,
  isKeyholdError,
  unwrapDataKey,
  verifyKeyCheckValue,
  wrapDataKey,
  type DataKey,
  type ErrorCode,
  type TenantKey,
} from '@keyhold/core'
import {
  parseCipherkeyRecords,
  rewrapRecord,
  writeRewrapRecord,
  type CipherkeyRecord,
} from '../../store/cipherkeys/cipherkey-records.ts'
import type { CipherkeyPosition } from '../../store/cipherkeys/cipherkeys.ts'
import type { RefusedVersion } from '../../keyring/open-versions.ts'

/** A cipherkey that did not open. */
export interface UnreadableCipherkey extends CipherkeyPosition {
  tenantKeyVersion: number
  /** Why: the KMS's code where its tenant key version does not open, else `ERR_KEY_INTEGRITY`. */
  code: ErrorCode
}

export interface RewrapOrder {
  records: Buffer
  /** Every version of the tenant key that wraps any of the records and opens. */
  sources: TenantKey[]
  /** The versions that do not open. Default: none. */
  refused?: readonly RefusedVersion[]
  target: TenantKey
}

export interface RewrapResult {
  /** The rewrapped records, in the order in which they were read. */
  records: Buffer
  unreadable: UnreadableCipherkey[]
}

/**
 * Rewraps: same data key, other tenant key. A record that does not open, or holds another key than was stored, is
 * reported as unreadable.
 *
 * @throws TypeError when the tenant key of a record is neither among `sources` nor `refused`
 */
export function rewrapRecords({ records, sources, refused = [], target }: RewrapOrder): RewrapResult {
  const byVersion = new Map(sources.map((source) => [source.version, source]))
  const codes = new Map(refused.map(({ version, code }) => [version, code]))
  const parsed = parseCipherkeyRecords(records)
  const rewrapped = Buffer.allocUnsafeSlow(parsed.length * rewrapRecord.bytes)
  const unreadable: UnreadableCipherkey[] = []
  let at = 0
  for (const record of parsed) {
    const refusal = codes.get(record.tenantKeyVersion)
    if (refusal !== undefined) {
      unreadable.push(unreadableOf(record, refusal))
      continue
    }
    const source = byVersion.get(record.tenantKeyVersion)
    if (source === undefined) throw new TypeError('a tenant key of the chunk is missing')
    const dataKey = openRecord(record, source)
    const newWrapped = dataKey && wrapAndCompare(dataKey, record, target)
    if (newWrapped === undefined) unreadable.push(unreadableOf(record, 'ERR_KEY_INTEGRITY'))
    else at = writeRewrapRecord(rewrapped, at, record, newWrapped)
  }
  return { records: rewrapped.subarray(0, at), unreadable }
}

/** Answers the records that are not wrapped by `tenantKey` or do not open with it. */
export function findUnreadableRecords(records: Buffer, tenantKey: TenantKey): UnreadableCipherkey[] {
  return parseCipherkeyRecords(records)
    .filter(
      (record) =>
        record.tenantKeyVersion !== tenantKey.version || openRecord(record, tenantKey) === undefined,
    )
    .map((record) => unreadableOf(record, 'ERR_KEY_INTEGRITY'))
}

function openRecord(record: CipherkeyRecord, tenantKey: TenantKey): DataKey | undefined {
  const ref = { tenantId: tenantKey.tenantId, id: record.dataKeyId, version: record.version }
  try {
    const dataKey = unwrapDataKey(tenantKey, ref, record, record.wrapped)
    verifyKeyCheckValue(dataKey, record.keyCheckValue)
    return dataKey
  } catch (error) {
    if (isKeyholdError(error, 'ERR_KEY_INTEGRITY')) return undefined
    throw error
  }
}

// Before the old wrap goes, the new one is opened and compared: it must hold the same key as the one whose check
// value was compared a moment ago, which is as strong as comparing the check value again.
function wrapAndCompare(dataKey: DataKey, record: CipherkeyRecord, target: TenantKey): Buffer | undefined {
  // Under format 1 anybody may have written a name or a time that no wrap binds.
  if (target.format === 2 && !canBind(record)) return undefined
  const newWrapped = wrapDataKey(target, dataKey, record)
  const ref = { tenantId: target.tenantId, id: record.dataKeyId, version: record.version }
  return unwrapDataKey(target, ref, record, newWrapped).key.equals(dataKey.key) ? newWrapped : undefined
}

function unreadableOf(
  { dataKeyId, version, tenantKeyVersion }: CipherkeyRecord,
  code: ErrorCode,
): UnreadableCipherkey {
  return { dataKeyId, version, tenantKeyVersion, code }
}

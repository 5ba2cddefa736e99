// How far the deletion of a tenant has come. It ends up in a signed record, so the row's MAC covers it by a digest.
import { jsonDigest } from '../authentic/json-digest.ts'
import type { CipherkeyPosition } from '../cipherkeys/cipherkeys.ts'
import { count, jsonReader, members, text, valueOf, type JsonForm } from '../json-column.ts'

/** How far the deletion of a tenant's cipherkeys has come. */
export interface TenantDeletionProgress {
  /** The last one that is deleted; absent before the first. */
  after?: CipherkeyPosition
  count: number
  dataKeys: number
  /** How many key names have ended. */
  keyNames: number
  /** Of keyring/identity-digest.ts, in base64. */
  digestState: string
}

/** The record's description of the tenant. */
export type DescribedTenant = Readonly<Record<string, unknown>>

/** A deletion that has begun, as a run stored it last. */
export interface TenantDeletionState {
  progress: TenantDeletionProgress
  described: DescribedTenant
}

const position: JsonForm<CipherkeyPosition> = members({ dataKeyId: text, version: count })
const readProgress = jsonReader<TenantDeletionProgress>(
  'destructions.progress',
  members({ count, dataKeys: count, keyNames: count, digestState: text }, { after: position }),
  'ERR_INTERNAL',
)
const readDescribed = jsonReader<Record<string, unknown>>(
  'destructions.described',
  members({}),
  'ERR_INTERNAL',
)

/** @throws KeyholdError where a column does not have its form */
export function readState(row: { id: string; progress: unknown; described: unknown }): TenantDeletionState {
  const progress = valueOf(readProgress(row.progress, row.id))
  if (progress === undefined) throw new TypeError(`destruction ${row.id} has begun without a beginning`)
  return { progress, described: valueOf(readDescribed(row.described, row.id)) ?? {} }
}

// A description is long, and hardly ever changes.
const describedDigests = new WeakMap<DescribedTenant, string>()

export function stateDigest({ progress, described }: TenantDeletionState): Buffer {
  const known =
    describedDigests.get(described) ?? jsonDigest('destructions.described', described).toString('hex')
  describedDigests.set(described, known)
  return jsonDigest('destructions.progress', { progress, described: known })
}

// How long changes of policies, states and grants take until they are in force. AWS says: usually seconds, up to five
// minutes. Answers of DescribeKey and the lists show a change at once; decisions follow when it has spread.
import type { Key, RegionalKey } from './key-record.ts'

export interface Propagation {
  /** Default 0: a change is in force at once. Changes that are spreading already keep their time. */
  delayMs: number
}

/** Notes on the changed key what stays in force for `delayMs`. */
export function spread(before: RegionalKey, after: RegionalKey, nowMs: number, delayMs: number): RegionalKey {
  const { policy, enabled, deletion, grants } = before
  const isSame =
    policy === after.policy &&
    enabled === after.enabled &&
    deletion === after.deletion &&
    grants === after.grants
  const spreading = (before.superseded ?? []).filter(({ until }) => until > nowMs)
  if (!isSame && delayMs > 0) spreading.push({ until: nowMs + delayMs, policy, enabled, deletion, grants })
  return { ...after, superseded: spreading.length > 0 ? spreading : undefined }
}

/** The key as decisions see it. */
export function inForce(key: Key, nowMs: number): Key {
  const old = key.local.superseded?.find(({ until }) => until > nowMs)
  if (old === undefined) return key
  const { policy, enabled, deletion, grants } = old
  return { ...key, local: { ...key.local, policy, enabled, deletion, grants } }
}

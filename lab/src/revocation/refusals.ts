// When the KMS first said no: the moment from which the bound counts. Seen at the KMS itself, not at Keyhold.
import type { AnsweredCall } from '@keyhold/local-kms'
import { keyholdAccount } from '../../../testkit/src/customer-key.ts'

const outages = ['answered', 'dropped', 'failed', 'KMSInternalException', 'ThrottlingException']
const uses = ['Decrypt', 'GenerateDataKey']

export interface Refusals {
  /** For `startCluster`. */
  onKmsAnswer: (call: AnsweredCall) => void
  /** The first refusal of the key to Keyhold since then, as a monotonic time. */
  firstSince(keyArn: string, sinceMs: number): number | undefined
}

export function createRefusals(): Refusals {
  const times = new Map<string, number[]>()
  return {
    onKmsAnswer({ operation, callerAccount, outcome, keys, region }) {
      if (callerAccount !== keyholdAccount || !uses.includes(operation) || outages.includes(outcome)) return
      for (const key of keys) {
        if (key.region !== region) continue
        const known = times.get(key.arn)
        if (known === undefined) times.set(key.arn, [performance.now()])
        else known.push(performance.now())
      }
    },
    firstSince: (keyArn, sinceMs) => times.get(keyArn)?.find((atMs) => atMs >= sinceMs),
  }
}

// When the KMS first refused: the bound counts from that moment. It is seen at the KMS itself, not at Keyhold.
import type { AnsweredCall } from '@keyhold/local-kms'
import { keyholdAccount } from '../../../testkit/src/customer/key-policy.ts'

const outages = ['answered', 'dropped', 'failed', 'KMSInternalException', 'ThrottlingException']
const uses = ['Decrypt', 'GenerateDataKey']

export interface Refusals {
  /** For `startCluster`. */
  onKmsAnswer: (call: AnsweredCall) => void
  /** The monotonic time of the first refusal to Keyhold since `sinceMs`. */
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

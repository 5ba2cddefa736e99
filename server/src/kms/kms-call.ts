// The facts about each call to AWS KMS, for those who count calls.
import type { ErrorCode } from '@keyhold/core'

/** The payer of calls that Keyhold makes as itself. */
export const ownAccount = 'keyhold'

export interface KmsCall {
  /** For example `Decrypt`. */
  action: string
  region: string
  tenantId: string
  /** The account of the key. */
  account: string
  /** The account that calls and pays: that of the customer's role, or `keyhold`. */
  payer: string
  outcome: 'ok' | ErrorCode
  /** Of the outcome `ERR_KMS_OWN_POLICY`: the type of the policy, and the action, which may be `AssumeRole`. */
  ownRefusal?: { policy: string; action: string } | undefined
  /** The number of requests, with those that the AWS SDK repeated by itself. */
  requests: number
  /** Since it was the call's turn, with repetitions and pauses; undefined: nothing was sent. */
  elapsedMs: number | undefined
}

/** The account in an ARN; empty where there is none. */
export function accountOf(arn: string): string {
  return arn.split(':', 5)[4] ?? ''
}

/** The number of requests behind an answer or an error of the AWS SDK. */
export function requestsOf(answer: unknown): number {
  if (typeof answer !== 'object' || answer === null) return 1
  // Where a role could not be assumed or credentials were not found, the KMS was not asked.
  if (answer instanceof Error && /^(KeyholdError|CredentialsProviderError)$/.test(answer.name)) return 0
  const metadata = '$metadata' in answer ? (answer.$metadata as { attempts?: unknown }) : {}
  return typeof metadata.attempts === 'number' ? metadata.attempts : 1
}

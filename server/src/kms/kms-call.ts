// What is told of each call to AWS KMS, for whoever counts them.
import type { ErrorCode } from '@keyhold/core'

/** The payer of calls that Keyhold makes as itself. */
export const ownAccount = 'keyhold'

export interface KmsCall {
  /** Such as `Decrypt`. */
  action: string
  region: string
  tenantId: string
  /** The account of the key. */
  account: string
  /** The account that calls and pays: that of the customer's role, or `keyhold`. */
  payer: string
  outcome: 'ok' | ErrorCode
  /** How many requests were sent, those that the AWS SDK repeated by itself included. */
  requests: number
  /** From the moment it was its turn, repetitions and pauses included; undefined: nothing was sent. */
  elapsedMs: number | undefined
}

/** The account in an ARN; empty where there is none. */
export function accountOf(arn: string): string {
  return arn.split(':', 5)[4] ?? ''
}

/** How many requests the AWS SDK sent for what it answered or threw. */
export function requestsOf(answer: unknown): number {
  if (typeof answer !== 'object' || answer === null) return 1
  // A role that could not be assumed, or credentials that were not found: the KMS was not asked.
  if (answer instanceof Error && /^(KeyholdError|CredentialsProviderError)$/.test(answer.name)) return 0
  const metadata = '$metadata' in answer ? (answer.$metadata as { attempts?: unknown }) : {}
  return typeof metadata.attempts === 'number' ? metadata.attempts : 1
}

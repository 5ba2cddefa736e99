// The outcome of one item of a batch. An item's own fault stays with the item; a fault that concerns the whole tenant
// is thrown, and becomes the answer to the request.
import { isKeyholdError, KeyholdError, type ErrorCode } from '@keyhold/core'

export type ItemOutcome<Value> = { value: Value } | { error: KeyholdError }

const itemFaults: readonly ErrorCode[] = [
  'ERR_INVALID_REQUEST',
  'ERR_CONTEXT_INVALID',
  'ERR_KEY_NAME_INVALID',
  'ERR_PLAINTEXT_INVALID',
  'ERR_ITEM_TOO_LARGE',
  'ERR_TOKEN_INVALID',
  'ERR_DECRYPTION_FAILED',
]

/** Answers the result of `work`, or the item's own fault. Throws everything else. */
export function outcomeOf<Value>(work: () => Value): ItemOutcome<Value> {
  try {
    return { value: work() }
  } catch (error) {
    if (isKeyholdError(error, ...itemFaults)) return { error }
    throw error
  }
}

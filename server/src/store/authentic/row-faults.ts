// Whether an error says that a row is faulty, so that nobody knows what it should say.
import { isKeyholdError, type KeyholdError } from '@keyhold/core'

export function isRowFault(error: unknown): error is KeyholdError {
  return isKeyholdError(error, 'ERR_RECORD_NOT_AUTHENTIC', 'ERR_ROOT_KEY_OUTDATED')
}

/** Undefined: the row is faulty. */
export function unlessFaulty<Result>(verify: () => Result): Result | undefined {
  try {
    return verify()
  } catch (error) {
    if (isRowFault(error)) return undefined
    throw error
  }
}

// The error for a row of another data key than the one that was asked for. It would open under its own name, and the caller
// would use it for the other one.
import { KeyholdError } from '@keyhold/core'

export function notAskedFor(): KeyholdError {
  return new KeyholdError('ERR_KEY_INTEGRITY', {
    message:
      'The database answers with another data key, or another version of it, than the one that was asked for.',
  })
}

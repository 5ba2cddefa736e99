// The error for a row of another data key than the one that was asked for. It would open under its own name, and the caller
// would use it for the other one.
import { KeyholdError } from '@keyhold/core'

export function notAskedFor(): KeyholdError {
  return new KeyholdError('ERR_KEY_INTEGRITY', {
    message: 'The database answers with a data key of another name than the one that was asked for.',
  })
}

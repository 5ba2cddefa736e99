// The generation of a row whose older state an operator has confirmed.
import { KeyholdError } from '@keyhold/core'

/** So far apart that the history from before and the one that begins now never meet. */
const leapGenerations = 2 ** 20

export function restoredGeneration(...known: readonly number[]): number {
  return Math.max(...known) + leapGenerations
}

/**
 * Whether a row is older is decided by what it shows before anybody has verified it, and the operator agrees to that. It counts only
 * if the row that is then held and verified has the same generation.
 *
 * @throws KeyholdError `ERR_RESTORE_BLOCKED`
 */
export function refuseAnotherGeneration(name: string, shown: number, verified: number): void {
  if (shown === verified) return
  throw new KeyholdError('ERR_RESTORE_BLOCKED', {
    message: `The ${name} has the generation ${verified}, and has shown ${shown} before: it was changed in between, or the database answers falsely. Find out who writes to the database, and run the command again.`,
  })
}

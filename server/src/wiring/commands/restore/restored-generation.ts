// The generation of a row whose older state an operator has confirmed.

/** So far apart that the history from before and the one that begins now never meet. */
const leapGenerations = 2 ** 20

export function restoredGeneration(...known: readonly number[]): number {
  return Math.max(...known) + leapGenerations
}

/**
 * How long a caller waits before it looks again: each look takes some ten milliseconds of a processor from the work that is
 * waited for.
 *
 * @param round - the looks before, from 0 on
 */
export function pollPauseMs(round: number): number {
  return round < 4 ? 50 : 150
}

// How long a piece of long work may hold the event loop.

/** Other requests wait for this long, and for what they meet in the same turn. */
export const sliceMs = 1

/** Whether the slice that began at `startMs`, by `performance.now()`, is over. */
export function isSliceOver(startMs: number): boolean {
  return performance.now() - startMs > sliceMs
}

// Crypto in slices: a long loop gives way to waiting requests every few milliseconds.
import { setImmediate } from 'node:timers/promises'

const sliceMs = 5

/** Maps items one after the other, never holding the event loop for more than a slice and one item. */
export async function mapInSlices<Item, Result>(
  items: readonly Item[],
  map: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let sliceStartMs = performance.now()
  for (const item of items) {
    results.push(await map(item))
    if (performance.now() - sliceStartMs > sliceMs) {
      await setImmediate()
      sliceStartMs = performance.now()
    }
  }
  return results
}

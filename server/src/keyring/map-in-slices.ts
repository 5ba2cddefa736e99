// Crypto in slices: a long loop gives way to waiting requests every few milliseconds.
import { setImmediate } from 'node:timers/promises'

const sliceMs = 5

/** Maps items one after the other, never holding the event loop for more than a slice and one item. */
export async function mapInSlices<Item, Result>(
  items: readonly Item[],
  map: (item: Item, index: number) => Result | Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = []
  let sliceStartMs = performance.now()
  for (const [index, item] of items.entries()) {
    const result = map(item, index)
    results.push(result instanceof Promise ? await result : result)
    if (performance.now() - sliceStartMs > sliceMs) {
      await setImmediate()
      sliceStartMs = performance.now()
    }
  }
  return results
}

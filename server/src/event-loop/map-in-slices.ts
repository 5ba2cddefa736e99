// Runs a long loop, such as encryption, in slices: it gives way to waiting requests every few milliseconds.
import { giveWay } from './give-way.ts'
import { isSliceOver } from './slice.ts'

/**
 * Maps items one after the other, and never holds the event loop for more than a slice and one item. A list that is done
 * within the first slice is answered at once, without a promise.
 */
export function mapInSlices<Item, Result>(
  items: readonly Item[],
  map: (item: Item, index: number) => Result,
): Result[] | Promise<Result[]> {
  const results: Result[] = []
  const startMs = performance.now()
  for (const [index, item] of items.entries()) {
    results.push(map(item, index))
    if (results.length < items.length && isSliceOver(startMs)) return mapOn(items, map, results)
  }
  return results
}

async function mapOn<Item, Result>(
  items: readonly Item[],
  map: (item: Item, index: number) => Result,
  results: Result[],
): Promise<Result[]> {
  for (;;) {
    await giveWay()
    const startMs = performance.now()
    do {
      const index = results.length
      results.push(map(items[index] as Item, index))
      if (results.length === items.length) return results
    } while (!isSliceOver(startMs))
  }
}

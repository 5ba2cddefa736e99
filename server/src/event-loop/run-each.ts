// Works through what has fallen due, one by one. One that fails stops none of the others: what has never failed comes
// first, and what failed is left alone for a while.
import type { FailurePauses } from './failure-pauses.ts'

/**
 * Runs `run` for each thing that is due, and never rejects.
 *
 * @param due - answers a page of things, which come after the given one; an empty page is the last one
 * @param nameOf - what stands still together, such as the tenant, has one name
 */
export type RunEach = <Item>(
  due: (after: Item | undefined) => Promise<readonly Item[]>,
  nameOf: (item: Item) => string,
  run: (item: Item) => Promise<void>,
) => Promise<void>

export interface RunEachOptions {
  pauses: FailurePauses
  /** After this time no further thing is begun; the rest has its turn the next time. */
  budgetMs: number
  /** When it is aborted, no further thing is begun. */
  signal: AbortSignal
  /** Receives each failure, with the name of the thing. */
  onFailed: (name: string, error: unknown) => void
  /** Monotonic milliseconds. Default: the process's own. */
  clock?: () => number
}

// More than this is not looked through at a time.
const maxItems = 10_000

export function createRunEach({
  pauses,
  budgetMs,
  signal,
  onFailed,
  clock = () => performance.now(),
}: RunEachOptions): RunEach {
  return async <Item>(
    due: (after: Item | undefined) => Promise<readonly Item[]>,
    nameOf: (item: Item) => string,
    run: (item: Item) => Promise<void>,
  ) => {
    const endMs = clock() + budgetMs
    const isOver = () => signal.aborted || clock() >= endMs
    const again: Item[] = []

    async function runOne(item: Item): Promise<void> {
      const name = nameOf(item)
      if (isOver() || pauses.isPaused(name)) return
      try {
        await run(item)
        pauses.succeeded(name)
      } catch (error) {
        pauses.failed(name)
        onFailed(name, error)
      }
    }

    let seen = 0
    let page = await due(undefined)
    while (page.length > 0 && !isOver()) {
      seen += page.length
      for (const item of page) {
        if (pauses.hasFailed(nameOf(item))) again.push(item)
        else await runOne(item)
      }
      page = seen >= maxItems ? [] : await due(page.at(-1))
    }
    for (const item of again) await runOne(item)
  }
}

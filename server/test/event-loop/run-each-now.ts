// Due work at once, without pauses.
import { createFailurePauses } from '../../src/event-loop/failure-pauses.ts'
import { createRunEach, type RunEach } from '../../src/event-loop/run-each.ts'

/** @param failures - receives each failure. Without it the first one is thrown. */
export function runEachNow(failures?: unknown[]): RunEach {
  return createRunEach({
    pauses: createFailurePauses({ firstMs: 0, maxMs: 0 }),
    budgetMs: 60_000,
    signal: new AbortController().signal,
    onFailed: (_, error) => {
      if (failures === undefined) throw error
      failures.push(error)
    },
  })
}

// Runs work that stops by itself after each short step, in slices.
import { giveWay } from './give-way.ts'
import { isSliceOver } from './slice.ts'

/**
 * @param steps - does a part of the work, of about a millisecond, each time
 * @param isWanted - is asked before each slice; where it answers false the work ends with an error
 */
export async function runInSlices<Result>(
  steps: Generator<void, Result>,
  isWanted: () => boolean = () => true,
): Promise<Result> {
  for (;;) {
    if (!isWanted()) throw new Error('nobody wants the result any more')
    const startMs = performance.now()
    do {
      const step = steps.next()
      if (step.done === true) return step.value
    } while (!isSliceOver(startMs))
    await giveWay()
  }
}

// Runs something whenever it is asked for, never twice at a time. What changes while it runs is seen by one more run after it.

/**
 * Creates the asking function.
 *
 * @param work - never rejects
 */
export function runOnceMore(work: () => Promise<void>): () => void {
  let isRunning = false
  let isAskedAgain = false
  return function ask() {
    if (isRunning) {
      isAskedAgain = true
      return
    }
    isRunning = true
    void work().finally(() => {
      isRunning = false
      if (!isAskedAgain) return
      isAskedAgain = false
      ask()
    })
  }
}

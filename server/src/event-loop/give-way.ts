// All long work of the process takes turns: between two events there is one slice of it, however many requests are at it.

const waiting: (() => void)[] = []
let isUnderWay = false

/** Waits until the events that are due have been served, and all long work before this has had its slice. */
export function giveWay(): Promise<void> {
  return new Promise((resolve) => {
    waiting.push(resolve)
    if (isUnderWay) return
    isUnderWay = true
    setImmediate(next)
  })
}

// Waiting work goes on before the next immediate: its promise is resolved here.
function next(): void {
  waiting.shift()?.()
  if (waiting.length > 0) setImmediate(next)
  else isUnderWay = false
}

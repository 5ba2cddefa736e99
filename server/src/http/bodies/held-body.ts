// The bytes of one body in the budget. Its request holds them until its answer is sent or its connection has ended, and
// work on the body holds them, too: a client that goes away leaves its body in memory until that work has ended.

export interface HeldBody {
  /** Holds the bytes until the promise is settled. */
  holdFor(work: Promise<unknown>): void
  /** Ends the hold of the request. */
  release(): void
}

/** @param giveBack - is called once, when nothing holds the bytes any more */
export function createHeldBody(giveBack: () => void): HeldBody {
  let holds = 1
  function release(): void {
    holds--
    if (holds === 0) giveBack()
  }
  return {
    holdFor(work) {
      holds++
      work.then(release, release)
    },
    release,
  }
}

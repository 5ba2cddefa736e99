// Parties that act at the same time on the same tenant, step by step in an order that fast-check chooses.
import fc from 'fast-check'
import { setImmediate } from 'node:timers/promises'

// A party that has reached no step within this time waits for a lock in the database that another one holds.
const blockedMs = 6
// More than a leader needs for a whole migration of a few cipherkeys.
const maxPauseTurns = 60

/** When a party lets others have their turns: before it begins, and once more at its n-th step. */
export interface Timing {
  beginTurns: number
  pauseAt: number
  pauseTurns: number
}

// Without pauses short parties would always have ended before a long one has come far.
export const timing: fc.Arbitrary<Timing> = fc.record({
  beginTurns: fc.oneof(fc.nat(8), fc.nat(maxPauseTurns)),
  // Short parties have few steps, long ones many.
  pauseAt: fc.constantFrom(0, 0, 1, 2, 5, 10, 20, 30),
  pauseTurns: fc.oneof(fc.nat(maxPauseTurns), fc.constant(maxPauseTurns)),
})

export interface Party<Result> {
  timing: Timing
  /** @param step - a point at which others may have their turn */
  act: (step: (label: string) => Promise<void>) => Promise<Result>
}

/** Lets all parties act until each has ended. */
export async function perform<Result>(
  scheduler: fc.Scheduler,
  parties: readonly Party<Result>[],
): Promise<PromiseSettledResult<Result>[]> {
  let acting = parties.length
  let waiting = 0
  let isOneLeft = false

  // Between two steps: until every party either waits for its turn or for a lock.
  async function settle(): Promise<void> {
    const endMs = performance.now() + blockedMs
    do await setImmediate()
    while (waiting < acting && performance.now() < endMs)
    isOneLeft = waiting === 1
  }

  async function turn(label: string): Promise<void> {
    waiting += 1
    await scheduler.schedule(Promise.resolve(), label)
    waiting -= 1
  }

  async function pause(turns: number): Promise<void> {
    for (let left = turns; left > 0 && !isOneLeft; left--) await turn('pause')
  }

  async function run({ timing: { beginTurns, pauseAt, pauseTurns }, act }: Party<Result>): Promise<Result> {
    let steps = 0
    await turn('begin')
    await pause(beginTurns)
    try {
      return await act(async (label) => {
        await turn(label)
        if (steps++ === pauseAt) await pause(pauseTurns)
      })
    } finally {
      acting -= 1
    }
  }

  return scheduler.waitFor(Promise.allSettled(parties.map(run)), async (act) => {
    await act()
    await settle()
  })
}

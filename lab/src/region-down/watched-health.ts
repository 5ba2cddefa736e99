// The states that the health of a key shows, and when they change, as an administrator sees them who looks each second.
import { setTimeout as sleep } from 'node:timers/promises'

const everyMs = 1_000

export interface ShownState {
  atMs: number
  state: string
}

export interface WatchedHealth {
  /** Every change of the state, with the first state. */
  readonly states: readonly ShownState[]
  stop(): Promise<void>
}

/** @param look - may fail, as the replica may be busy; that look is left out */
export function watchHealth(look: () => Promise<string>): WatchedHealth {
  const states: ShownState[] = []
  let isOver = false
  async function watch(): Promise<void> {
    while (!isOver) {
      const state = await look().catch(() => undefined)
      if (state !== undefined && states.at(-1)?.state !== state)
        states.push({ atMs: performance.now(), state })
      await sleep(everyMs)
    }
  }
  const watching = watch()
  return {
    states,
    async stop() {
      isOver = true
      await watching
    },
  }
}

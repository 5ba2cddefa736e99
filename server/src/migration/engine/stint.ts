// Limits how long a run leads a key job while others wait for a leader. A replica leads few at a time, and a small
// tenant must not wait until the millions of others are copied and verified.
import type { Store } from '../../store/store.ts'

export interface Stint {
  /** Starts the count. Call it where the work begins, so that the preparation takes nothing off it. */
  begin(): void
  /** Looks whether another key job waits for its turn. */
  look(): Promise<void>
  /** Whether the run should give way. It never goes back to false. */
  readonly isOver: boolean
}

const stintMs = 5_000
const lookMs = 1_000

export function createStint({ keyJobs }: Pick<Store, 'keyJobs'>): Stint {
  let nextLookMs = performance.now() + stintMs
  let isOver = false
  return {
    begin() {
      nextLookMs = performance.now() + stintMs
    },
    async look() {
      if (isOver || performance.now() < nextLookMs) return
      nextLookMs = performance.now() + lookMs
      isOver = await keyJobs.existsUnled()
    },
    get isOver() {
      return isOver
    },
  }
}

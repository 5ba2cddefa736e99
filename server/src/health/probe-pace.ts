// How many probes a replica may begin now: no more at once and no more a second than it is allowed, and of each urgency no
// more than a share, so that keys that hang, however many, leave the others their turns.
import { probeUrgencies, type ProbeUrgency } from '../store/key-probes.ts'

export type ProbeShares = Record<ProbeUrgency, number>

export interface ProbePace {
  /** How many may begin now, in all and of each urgency. */
  allowance(): { limit: number; shares: ProbeShares }
  began(urgency: ProbeUrgency): void
  /** Call it once for each that began. */
  ended(urgency: ProbeUrgency): void
}

// Of those that run at once. Healthy keys get at least the rest of the other two, and most of it all where nothing is wrong.
const shareOf: Record<ProbeUrgency, number> = { hastened: 0.5, unhealthy: 0.25, healthy: 0.75 }
const mostAtOnce = 64
// So much may begin in one moment after a pause.
const burstSeconds = 0.25

/**
 * @param perSecondNow - how many may begin in a second, as of now
 * @param clock - monotonic milliseconds
 */
export function createProbePace(perSecondNow: () => number, clock: () => number): ProbePace {
  const running: ProbeShares = { hastened: 0, unhealthy: 0, healthy: 0 }
  let level = Number.POSITIVE_INFINITY
  let levelMs = clock()

  return {
    allowance() {
      const nowMs = clock()
      const perSecond = perSecondNow()
      const atOnce = Math.min(mostAtOnce, Math.max(1, Math.ceil(perSecond)))
      const burst = Math.max(1, perSecond * burstSeconds)
      level = Math.min(burst, level + ((nowMs - levelMs) / 1_000) * perSecond)
      levelMs = nowMs
      const free = atOnce - probeUrgencies.reduce((sum, urgency) => sum + running[urgency], 0)
      const left = (urgency: ProbeUrgency) =>
        Math.max(0, Math.ceil(atOnce * shareOf[urgency]) - running[urgency])
      return {
        limit: Math.max(0, Math.min(free, Math.floor(level))),
        shares: { hastened: left('hastened'), unhealthy: left('unhealthy'), healthy: left('healthy') },
      }
    },
    began(urgency) {
      running[urgency] += 1
      level -= 1
    },
    ended(urgency) {
      running[urgency] -= 1
    },
  }
}

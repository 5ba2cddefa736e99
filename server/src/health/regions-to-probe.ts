// Finds the regions that a probe must ask: not those of which an answer of just now has told.
import { parseKeyArn } from '@keyhold/core'
import type { DueProbe } from '../store/key-probes.ts'
import type { KeyHealthRecorder } from './key-health-recorder.ts'
import type { SeenKeyStates } from './seen-key-states.ts'

// Shares of the time between two probes. An answer that is so young, as another replica wrote it, is taken for that of this
// probe. The answers to this replica's own traffic count for longer, since traffic asks again by itself.
const writtenShare = 0.5
const trafficShare = 1.15

export interface ToldAlready {
  recorder: Pick<KeyHealthRecorder, 'answeredAgeMs'>
  seenStates: Pick<SeenKeyStates, 'isSeen'>
  /** The time between two probes of a healthy key. */
  healthySeconds: number
}

/** The own one first. */
export const regionsOf = ({ keyArn, replicaRegions }: DueProbe) => [
  ...new Set([parseKeyArn(keyArn).region, ...replicaRegions]),
]

/** Traffic reads no states: of a healthy key too, each region is looked at that was not looked at just now. */
export function regionsToLookAt({ seenStates, healthySeconds }: ToldAlready, due: DueProbe): string[] {
  const isSeen = (region: string) =>
    due.urgency === 'healthy' && seenStates.isSeen(due.keyArn, region, healthySeconds * writtenShare)
  return regionsOf(due).filter((region) => !isSeen(region))
}

/**
 * The regions whose answer is not known yet, the own one first, and how long the known ones hold. Those of a hastened or
 * unhealthy key are all asked.
 */
export function regionsToAsk(
  { recorder, healthySeconds }: ToldAlready,
  due: DueProbe,
): { regions: string[]; provenSeconds: number } {
  const all = regionsOf(due)
  if (due.urgency !== 'healthy') return { regions: all, provenSeconds: 0 }
  const secondsOf = (region: string) => {
    const known = due.known.find((each) => each.region === region)
    if (known === undefined || !isShownHealthy(due, region)) return 0
    const trafficSeconds = (recorder.answeredAgeMs(due, region) ?? Number.POSITIVE_INFINITY) / 1_000
    const writtenSeconds = known.ageMs / 1_000
    const isWrittenJustNow = writtenSeconds < healthySeconds * writtenShare
    return Math.max(
      0,
      healthySeconds * trafficShare - trafficSeconds,
      isWrittenJustNow ? healthySeconds - writtenSeconds : 0,
    )
  }
  const regions = all.filter((region) => secondsOf(region) <= 0)
  return { regions, provenSeconds: Math.min(...all.map(secondsOf)) }
}

export function isShownHealthy({ known }: DueProbe, region: string): boolean {
  return known.some((each) => each.region === region && each.state === 'healthy' && !each.isContradicted)
}

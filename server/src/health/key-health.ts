// Puts together the health of a key provider from the states of its regions.
import { parseKeyArn } from '@keyhold/core'
import type { KeyHealthRow } from '../store/key-health.ts'
import type { KeyHealthState } from '../store/tables.ts'
import { isOutage } from './key-state.ts'
import { wordsOf } from './key-words.ts'

/** Tampered: the stored state is not as Keyhold wrote it, and nothing of it is shown. */
type ShownState = KeyHealthState | 'tampered'

export interface KeyHealth {
  /** Degraded: the own region is away, and another one stands in. */
  state: ShownState | 'degraded'
  cause: string
  since: Date
  checkedAt: Date
  /** The customer's next step; empty: there is none. */
  advice: string
  /** The own region first. */
  regions: {
    region: string
    state: ShownState
    cause: string
    advice: string
    since: Date
    checkedAt: Date
  }[]
}

const never = new Date(0)

/** Undefined: nothing is known of the key's own region. */
export function keyHealthOf(keyArn: string, rows: readonly KeyHealthRow[]): KeyHealth | undefined {
  const { region } = parseKeyArn(keyArn)
  const own = rows.find((row) => row.region === region)
  if (own === undefined) return undefined
  const others = rows.filter((row) => row !== own)
  const regions = [own, ...others].map((row) => ({ region: row.region, ...shownOf(row) }))
  const shown = { ...shownOf(own), regions }
  // It must have been seen healthy after the own region went away, not merely before.
  const standIn = others.find(
    (row) => row.state === 'healthy' && row.checkedAt >= own.since && row.isFaulty !== true,
  )
  if (own.isFaulty === true || !isOutage(own) || standIn === undefined) return shown
  return { ...shown, state: 'degraded', cause: `${shown.cause} The key in ${standIn.region} stands in.` }
}

function shownOf(row: KeyHealthRow) {
  const { state, since, checkedAt } = row
  if (row.isFaulty !== true) return { state, ...wordsOf(row), since, checkedAt }
  return {
    state: 'tampered' as const,
    cause: 'The stored state is not as Keyhold wrote it.',
    advice: 'Test the key, and ask the operator of this installation.',
    ...{ since: never, checkedAt: never },
  }
}

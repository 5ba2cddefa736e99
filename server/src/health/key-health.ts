// Puts together the health of a key provider from the states of its regions.
import { parseKeyArn } from '@keyhold/core'
import type { KeyHealthRow } from '../store/key-health.ts'
import type { KeyHealthState } from '../store/tables.ts'
import { isOutage } from './key-state.ts'
import { wordsOf } from './key-words.ts'

export interface KeyHealth {
  /** Degraded: the own region is away, and another one stands in. */
  state: KeyHealthState | 'degraded'
  cause: string
  since: Date
  checkedAt: Date
  /** The customer's next step; empty: there is none. */
  advice: string
  /** The own region first. */
  regions: {
    region: string
    state: KeyHealthState
    cause: string
    advice: string
    since: Date
    checkedAt: Date
  }[]
}

/** Undefined: nothing is known of the key's own region. */
export function keyHealthOf(keyArn: string, rows: readonly KeyHealthRow[]): KeyHealth | undefined {
  const { region } = parseKeyArn(keyArn)
  const own = rows.find((row) => row.region === region)
  if (own === undefined) return undefined
  const others = rows.filter((row) => row !== own)
  const regions = [own, ...others].map((row) => ({
    region: row.region,
    state: row.state,
    ...wordsOf(row),
    since: row.since,
    checkedAt: row.checkedAt,
  }))
  const { cause, advice } = wordsOf(own)
  const shown = { state: own.state, cause, since: own.since, checkedAt: own.checkedAt, advice, regions }
  // It must have been seen healthy after the own region went away, not merely before.
  const standIn = others.find((row) => row.state === 'healthy' && row.checkedAt >= own.since)
  if (!isOutage(own) || standIn === undefined) return shown
  return { ...shown, state: 'degraded', cause: `${cause} The key in ${standIn.region} stands in.` }
}

// Puts together the health of a key provider from the states of its regions.
import { keyCauses, parseKeyArn, type ActingParty } from '@keyhold/core'
import type { KeyHealthRow } from '../store/key-health.ts'
import type { KeyHealthState } from '../store/tables.ts'
import { isOutage } from './key-state.ts'
import { sayWords, wordsOf, type Words } from './key-words.ts'

/** Tampered: the stored state is not as Keyhold wrote it, and nothing of it is shown. */
type ShownState = KeyHealthState | 'tampered'

interface ShownRegion extends Words {
  state: ShownState
  owner: ActingParty
  since: Date
  checkedAt: Date
}

export interface KeyHealth extends Omit<ShownRegion, 'state'> {
  /** Degraded: the own region is away, and another one stands in. */
  state: ShownState | 'degraded'
  /** The region that stands in, if the state is `degraded`. */
  standIn: string | undefined
  /** The own region first. */
  regions: (ShownRegion & { region: string })[]
}

const never = new Date(0)

/** Undefined: nothing is known of the key's own region. */
export function keyHealthOf(keyArn: string, rows: readonly KeyHealthRow[]): KeyHealth | undefined {
  const { region } = parseKeyArn(keyArn)
  const own = rows.find((row) => row.region === region)
  if (own === undefined) return undefined
  const others = rows.filter((row) => row !== own)
  const regions = [own, ...others].map((row) => ({ region: row.region, ...shownOf(row) }))
  const shown = { ...shownOf(own), standIn: undefined, regions }
  // It must have been seen healthy after the own region went away, not merely before.
  const standIn = others.find(
    (row) => row.state === 'healthy' && row.checkedAt >= own.since && row.isFaulty !== true,
  )
  if (own.isFaulty === true || !isOutage(own) || standIn === undefined) return shown
  return {
    ...shown,
    ...{ state: 'degraded', standIn: standIn.region, owner: 'nobody' },
    cause: `${shown.cause} The key in ${standIn.region} stands in.`,
  }
}

function shownOf(row: KeyHealthRow): ShownRegion {
  const { state, since, checkedAt } = row
  if (row.isFaulty === true) {
    const words = sayWords('state-tampered', 'operator-tampered', {})
    return { ...{ state: 'tampered', since: never, checkedAt: never }, owner: ownerOf(words), ...words }
  }
  const words = wordsOf(row)
  return { ...{ state, since, checkedAt }, owner: ownerOf(words), ...words }
}

function ownerOf({ causeCode }: Words): ActingParty {
  return keyCauses[causeCode].owner
}

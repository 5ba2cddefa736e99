// The health of a key as the wire shows it.
import type { KeyAlias, KeyHealth as KeyHealthBody } from '@keyhold/contract'
import type { KeyHealth } from '../../health/key-health.ts'

/** @param alias - of the key provider. If it has moved, its message is the advice for a healthy key. */
export function keyHealthWire(
  { state, cause, advice, regions, ...times }: KeyHealth,
  alias: KeyAlias | undefined,
): KeyHealthBody {
  return {
    state,
    cause,
    ...timesWire(times),
    advice: advice === '' ? (alias?.message ?? '') : advice,
    regions: regions.map((each) => ({
      region: each.region,
      state: each.state,
      cause: each.cause,
      ...timesWire(each),
      advice: each.advice,
    })),
  }
}

function timesWire({ since, checkedAt }: { since: Date; checkedAt: Date }) {
  return { since: since.toISOString(), checkedAt: checkedAt.toISOString() }
}

// The health of a key as the wire shows it.
import type { KeyHealth as KeyHealthBody } from '@keyhold/contract'
import type { KeyHealth } from '../../health/key-health.ts'

export function keyHealthWire({ state, cause, advice, regions, ...times }: KeyHealth): KeyHealthBody {
  return {
    state,
    cause,
    ...timesWire(times),
    advice,
    regions: regions.map((each) => ({
      region: each.region,
      state: each.state,
      cause: each.cause,
      ...timesWire(each),
    })),
  }
}

function timesWire({ since, checkedAt }: { since: Date; checkedAt: Date }) {
  return { since: since.toISOString(), checkedAt: checkedAt.toISOString() }
}

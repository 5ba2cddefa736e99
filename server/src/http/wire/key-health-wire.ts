// The health of a key as the wire shows it.
import type { KeyAlias, KeyHealth as KeyHealthBody } from '@keyhold/contract'
import type { KeyHealth } from '../../health/key-health.ts'

/** @param alias - of the key provider. If it has moved, its message is the advice for a healthy key. */
export function keyHealthWire(
  { regions, standIn, ...own }: KeyHealth,
  alias: KeyAlias | undefined,
): KeyHealthBody {
  return {
    state: own.state,
    ...shownWire(own),
    advice: own.advice === '' ? (alias?.message ?? '') : own.advice,
    ...(standIn !== undefined && { standIn }),
    regions: regions.map((each) => ({ region: each.region, state: each.state, ...shownWire(each) })),
  }
}

function shownWire(shown: Omit<KeyHealth, 'regions' | 'standIn' | 'state'>) {
  const { cause, since, checkedAt, advice, causeCode, adviceCode, params, owner } = shown
  return {
    ...{ cause, since: since.toISOString(), checkedAt: checkedAt.toISOString(), advice },
    ...{ causeCode, adviceCode, params: { ...params }, owner },
  }
}

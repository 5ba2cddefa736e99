// Whose turn it is, in one answer: what is the matter with the tenant, who has to act, and whether its data are open meanwhile.
import {
  sayCause,
  turnSentences,
  type ActingParty,
  type KeyCauseCode,
  type SentenceParams,
  type TurnCode,
} from '@keyhold/core'
import type { TenantLockRow } from '../store/guards/guards.ts'
import type { KeyHealth } from './key-health.ts'

export interface Turn {
  owner: ActingParty
  code: KeyCauseCode | TurnCode
  params: SentenceParams
  /** The sentence in English. */
  text: string
  /** Undefined: nothing is the matter. */
  since: Date | undefined
  /** Closing: what is held in memory still opens, for as long as it may be held. */
  data: 'open' | 'closing' | 'closed'
  /** The key that it is about; undefined: it is about none. */
  fingerprint: string | undefined
}

/** A key that the tenant needs now. */
export interface NeededKey {
  fingerprint: string
  health: KeyHealth
}

// The one who has to act first comes first: nobody can do anything about a key while the installation itself is in the way.
const order: readonly ActingParty[] = ['operator', 'you', 'your-key', 'aws', 'nobody']

export function whoseTurn(lock: TenantLockRow | undefined, keys: readonly NeededKey[]): Turn {
  const turns = [
    ...(lock === undefined ? [] : [turnOfLock(lock)]),
    ...keys.filter(({ health }) => health.state !== 'healthy').map(turnOfKey),
  ].toSorted((a, b) => order.indexOf(a.owner) - order.indexOf(b.owner))
  const [first = well] = turns
  // Whoever comes first: what is closed for another reason is closed.
  const data = (['closed', 'closing'] as const).find((each) => turns.some((turn) => turn.data === each))
  return { ...first, data: data ?? 'open' }
}

const well: Turn = {
  ...{ owner: 'nobody', code: 'all-well', params: {}, text: turnSentences['all-well'] },
  ...{ since: undefined, data: 'open', fingerprint: undefined },
}

function turnOfLock({ lockedAt, lockedBy, reason }: TenantLockRow): Turn {
  return {
    ...{ owner: 'you', code: 'tenant-locked', text: turnSentences['tenant-locked'] },
    params: { lockedBy, ...(reason !== undefined && { reason }) },
    ...{ since: lockedAt, data: 'closed', fingerprint: undefined },
  }
}

function turnOfKey({ fingerprint, health }: NeededKey): Turn {
  const { owner, causeCode: code, params, state, since, standIn } = health
  return {
    ...{ owner, code, text: sayCause(code, params), since, fingerprint },
    params: { ...params, ...(standIn !== undefined && { standIn }) },
    data: state === 'degraded' ? 'open' : isRefused(health) ? 'closed' : 'closing',
  }
}

// An outage, and a fault of Keyhold's own, end what is held by its own time alone.
function isRefused({ owner, state, causeCode }: KeyHealth): boolean {
  if (causeCode === 'stored-key-damaged' || causeCode === 'state-tampered') return true
  return owner === 'your-key' && state !== 'unreachable' && state !== 'throttled'
}

// Which KEKs of several tenants have answered just now. Where a KEK's policy admits every tenant and Keyhold asks as itself,
// the answer to one tenant holds for all: one probe is enough. A condition on the encryption context, or a role with an
// external id of each tenant, can refuse one tenant alone, and then each is asked about.
import type { DueProbe } from '../store/key-probes.ts'

export interface ProvenKeks {
  /**
   * How many seconds the answer to another tenant still holds. 0: this one must ask, and the others need not meanwhile; call
   * `end` then.
   */
  begin(due: DueProbe, healthySeconds: number): number
  end(due: DueProbe, isProven: boolean): void
  /** Whether the answer to this tenant holds for every tenant under the KEK. */
  isShared(due: Pick<DueProbe, 'isOpenToAll' | 'role'>): boolean
}

// The policy may have changed since it was inspected: each tenant is asked about itself once in so many times.
const ownEvery = 10
// Another tenant is being asked about: look again when the answer is there.
const askedSeconds = 5
// An answer that holds for less than this share of the time is no answer of just now.
const leastShare = 0.1
const maxKeks = 10_000

/** @param clock - monotonic milliseconds */
export function createProvenKeks(clock: () => number): ProvenKeks {
  const provenMs = new Map<string, number>()
  const asked = new Map<string, number>()

  const isShared: ProvenKeks['isShared'] = ({ isOpenToAll, role }) => isOpenToAll && role === undefined

  function mayRely(due: DueProbe, healthySeconds: number): boolean {
    if (!isShared(due) || due.urgency !== 'healthy' || due.known.length === 0) return false
    return due.known.every(
      ({ state, isContradicted, ageMs }) =>
        state === 'healthy' && !isContradicted && ageMs < healthySeconds * ownEvery * 1_000,
    )
  }

  return {
    isShared,
    begin(due, healthySeconds) {
      if (mayRely(due, healthySeconds)) {
        const sinceMs = clock() - (provenMs.get(due.fingerprint) ?? Number.NEGATIVE_INFINITY)
        const restSeconds = healthySeconds - sinceMs / 1_000
        if (restSeconds >= healthySeconds * leastShare) return restSeconds
        if (asked.has(due.fingerprint)) return Math.min(askedSeconds, healthySeconds)
      }
      // Nobody waits for an answer that holds for one tenant alone: under a role that hangs it would be waited for again
      // and again.
      if (isShared(due)) asked.set(due.fingerprint, (asked.get(due.fingerprint) ?? 0) + 1)
      return 0
    },
    end(due, isProven) {
      if (!isShared(due)) {
        // A refusal may hold for the others, too: they ask themselves.
        if (!isProven) provenMs.delete(due.fingerprint)
        return
      }
      const others = (asked.get(due.fingerprint) ?? 1) - 1
      if (others === 0) asked.delete(due.fingerprint)
      else asked.set(due.fingerprint, others)
      provenMs.delete(due.fingerprint)
      if (!isProven) return
      if (provenMs.size >= maxKeks) provenMs.clear()
      provenMs.set(due.fingerprint, clock())
    },
  }
}

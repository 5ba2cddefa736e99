// Writes one answer about a key, together with what was known before, into the database and the audit trail.
import { keyArnFingerprint, parseKeyArn, type ErrorCode } from '@keyhold/core'
import { systemActor } from '../store/audits.ts'
import type { KeyHealthRow } from '../store/key-health.ts'
import type { Store } from '../store/store.ts'
import type { KeyHealthState } from '../store/tables.ts'
import { isOutage, isRefusal, nextKeyState, type KeyObservation } from './key-state.ts'

export interface KeyName {
  keyArn: string
  tenantId: string
}

/** A shown state that has changed. */
export interface KeyTransition {
  tenantId: string
  fingerprint: string
  region: string
  from: KeyHealthState | undefined
  to: KeyHealthState
  code: ErrorCode | undefined
}

/** Undefined: the shown state stays as it is, or the key is not registered. */
export async function saveObservation(
  store: Store,
  { keyArn, tenantId }: KeyName,
  region: string,
  observation: KeyObservation,
): Promise<KeyTransition | undefined> {
  const name = { tenantId, fingerprint: keyArnFingerprint(keyArn) }
  return store.transaction(async (transaction) => {
    if (!(await transaction.keyHealth.lock(name))) return undefined
    const rows = await transaction.keyHealth.list(tenantId, name.fingerprint)
    const previous = rows.find((row) => row.region === region)
    // An outage must not become the first that is known of a key's own region: other regions would stand in for a key that may
    // have been denied, and whose row somebody has deleted or altered.
    const known = previous?.isFaulty === true ? undefined : previous
    if (known === undefined && region === parseKeyArn(keyArn).region && isOutage(observation))
      return undefined
    const next = nextKeyState(known, observation, laterThan(known, transaction.clock.now()))
    if (next === undefined) return undefined
    await transaction.keyHealth.save({ ...name, region, ...next })
    // A refusal is news also where a fault of Keyhold's own was shown as the same state.
    if (next.state === known?.state && isRefusal(next) === isRefusal(known)) return undefined
    const { code } = observation
    const transition = { ...name, region, from: known?.state, to: next.state, code }
    // A healthy key is no news if no other state was ever recorded of it.
    if (previous !== undefined || next.state !== 'healthy') {
      transaction.audit({
        ...{ tenantId, actor: systemActor, action: 'keyhealth.change', targetId: name.fingerprint },
        details: detailsOf(transition),
      })
    }
    return transition
  })
}

/** A state is shown since a later time than the one before, whatever the clock says: so an older row is known by it. */
function laterThan(previous: Pick<KeyHealthRow, 'since'> | undefined, now: Date): Date {
  return previous === undefined || previous.since < now ? now : new Date(previous.since.getTime() + 1)
}

function detailsOf({ region, from, to, code }: KeyTransition): Record<string, string> {
  return { region, to, ...(from !== undefined && { from }), ...(code !== undefined && { code }) }
}

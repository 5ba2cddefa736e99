// Keeping what KMSs answer about keys. A flood of equal answers is one write; the first refusal is kept before it is
// answered to anybody, so that whoever is refused finds out why.
import { isKeyholdError, keyArnFingerprint, parseKeyArn, type ErrorCode, type KmsAnswer } from '@keyhold/core'
import { systemActor } from '../store/audits.ts'
import type { Store } from '../store/store.ts'
import type { KeyHealthState } from '../store/tables.ts'
import { isOutage, isRefusal, keyStateOf, nextKeyState, observedHealthy } from './key-state.ts'
import type { KeyObservation } from './key-state.ts'

// Equal answers are kept this often at most. Refusals more often: another replica may have seen a yes since.
const refusalIntervalMs = 5_000
const intervalMs = 60_000
// A refused request waits this long at most for the database.
const maxWaitMs = 1_000
const maxRemembered = 20_000

export interface KeyTransition {
  tenantId: string
  fingerprint: string
  region: string
  from: KeyHealthState | undefined
  to: KeyHealthState
  code: ErrorCode | undefined
}

export interface KeyHealthRecorderOptions {
  store: Store
  /** Told of every change of a shown state. */
  onTransition: (transition: KeyTransition) => void
  /** Told of what could not be kept. */
  onError: (error: unknown) => void
  /** Monotonic milliseconds. */
  clock: () => number
  /** Anything but a refusal is kept this often at most, also where it differs. */
  writeMs: number
  /** How soon a probe confirms what traffic sees. */
  probeSeconds: number
}

export interface KeyName {
  keyArn: string
  tenantId: string
}

export interface KeyHealthRecorder {
  /** What traffic met. Answers when a refusal is kept, or cannot be for a second; at once for anything else. */
  failed(key: KeyName, error: unknown): Promise<void>
  /** Traffic was answered. */
  answered(answer: KmsAnswer): void
  /** What a probe saw, kept in any case. */
  probed(key: KeyName, region: string, observation: KeyObservation): Promise<void>
}

/** What an error says about a key; undefined: nothing. */
export function observationOf(error: unknown): KeyObservation | undefined {
  if (!isKeyholdError(error)) return undefined
  const state = keyStateOf(error.code)
  return state && { state, code: error.code, action: error.details.action }
}

/** What was kept last of a key in one region. */
interface Kept {
  state: KeyHealthState
  /** Whether it was kept twice at least: only then it is shown, but for refusals. */
  isConfirmed: boolean
  atMs: number
  writing: Promise<void> | undefined
}

function equalIntervalMs({ isConfirmed }: Kept, observation: KeyObservation, writeMs: number): number {
  if (isRefusal(observation)) return refusalIntervalMs
  return isConfirmed ? intervalMs : writeMs
}

export function createKeyHealthRecorder({
  store,
  onTransition,
  onError,
  clock,
  writeMs,
  probeSeconds,
}: KeyHealthRecorderOptions): KeyHealthRecorder {
  const kept = new Map<string, Kept>()

  async function write({ keyArn, tenantId }: KeyName, region: string, observation: KeyObservation) {
    const name = { tenantId, fingerprint: keyArnFingerprint(keyArn) }
    const transition = await store.transaction(async (transaction) => {
      if (!(await transaction.keyHealth.lock(name))) return undefined
      const rows = await transaction.keyHealth.list(tenantId, name.fingerprint)
      const previous = rows.find((row) => row.region === region)
      const next = nextKeyState(previous, observation, new Date())
      if (next === undefined) return undefined
      await transaction.keyHealth.save({ ...name, region, ...next })
      if (next.state === previous?.state) return undefined
      // That a key is well needs no telling while nothing else was ever told of it.
      if (previous !== undefined || next.state !== 'healthy') {
        transaction.audit({
          tenantId,
          actor: systemActor,
          action: 'keyhealth.change',
          targetId: name.fingerprint,
          details: {
            ...{ region, to: next.state },
            ...(previous !== undefined && { from: previous.state }),
            ...(observation.code !== undefined && { code: observation.code }),
          },
        })
      }
      return { ...name, region, from: previous?.state, to: next.state, code: observation.code }
    })
    if (transition !== undefined) onTransition(transition)
  }

  /** The write that is under way for an equal answer, a new one, or none where an equal one is young. */
  function keep(key: KeyName, region: string, observation: KeyObservation): Promise<void> {
    const name = `${key.tenantId}/${key.keyArn}/${region}`
    const known = kept.get(name)
    const { state } = observation
    if (known !== undefined) {
      const ageMs = clock() - known.atMs
      const isEqual = known.state === state
      if (isEqual && known.writing !== undefined) return known.writing
      if (isEqual && ageMs < equalIntervalMs(known, observation, writeMs)) return Promise.resolve()
      if (!isRefusal(observation) && ageMs < writeMs) return Promise.resolve()
    }
    if (kept.size >= maxRemembered) kept.clear()
    const entry: Kept = {
      ...{ state, atMs: clock(), writing: undefined },
      isConfirmed: known?.state === state,
    }
    kept.set(name, entry)
    entry.writing = write(key, region, observation)
      .catch((error: unknown) => {
        // Not kept: the next one tries again.
        if (kept.get(name) === entry) kept.delete(name)
        onError(error)
      })
      .finally(() => (entry.writing = undefined))
    const contradicts = known === undefined ? state !== 'healthy' : known.state !== state
    if (contradicts) {
      const probe = { tenantId: key.tenantId, fingerprint: keyArnFingerprint(key.keyArn) }
      store.keyHealth.hastenProbe(probe, probeSeconds).catch(onError)
    }
    return entry.writing
  }

  return {
    async failed(key, error) {
      const observation = observationOf(error)
      if (observation === undefined) return
      // A denial in a region that stands in decides nothing and is not thrown: what is thrown is the own region's. But
      // what is shown must not be that it stands in.
      for (const { region, code } of isKeyholdError(error) ? error.standIns : []) {
        const state = keyStateOf(code)
        if (state !== undefined) void keep(key, region, { state, code, action: undefined })
      }
      const writing = keep(key, parseKeyArn(key.keyArn).region, observation)
      if (isRefusal(observation)) await within(writing, maxWaitMs)
    },

    answered({ keyArn, tenantId, region, outage }) {
      const key = { keyArn, tenantId }
      const state = outage && keyStateOf(outage)
      if (state !== undefined && isOutage({ code: outage })) {
        void keep(key, parseKeyArn(keyArn).region, { state, code: outage, action: undefined })
      }
      void keep(key, region, observedHealthy)
    },

    async probed(key, region, observation) {
      const name = `${key.tenantId}/${key.keyArn}/${region}`
      const { state } = observation
      const entry: Kept = {
        ...{ state, atMs: clock(), writing: undefined },
        isConfirmed: kept.get(name)?.state === state,
      }
      kept.set(name, entry)
      const writing = write(key, region, observation)
      // Requests that are refused meanwhile wait for it; what is not kept they try again.
      entry.writing = writing
        .catch(() => {
          if (kept.get(name) === entry) kept.delete(name)
        })
        .finally(() => (entry.writing = undefined))
      await writing
    },
  }
}

function within(work: Promise<void>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs)
  })
  return Promise.race([work, timeout]).finally(() => {
    clearTimeout(timer)
  })
}

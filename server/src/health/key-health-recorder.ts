// Keeps the answers of KMSs about keys. The first refusal is kept before the caller gets it, so that callers who are refused
// find out why.
import { isKeyholdError, keyArnFingerprint, parseKeyArn, type KmsAnswer } from '@keyhold/core'
import type { Store } from '../store/store.ts'
import { createKeptAnswers } from './kept-answers.ts'
import { isOutage, isRefusal, keyStateOf, observationOf, observedHealthy } from './key-state.ts'
import type { KeyObservation } from './key-state.ts'
import { saveObservation, type KeyName, type KeyTransition } from './save-observation.ts'

export type { KeyName, KeyTransition } from './save-observation.ts'

// How long a refused request may wait for the database.
const maxWaitMs = 1_000
// Keys and regions whose last answer is remembered.
const maxAnswered = 100_000

export interface KeyHealthRecorderOptions {
  store: Store
  /** Receives every change of a shown state. */
  onTransition: (transition: KeyTransition) => void
  /** Receives why something could not be kept. */
  onError: (error: unknown) => void
  /** Monotonic milliseconds. */
  clock: () => number
  /** Anything but a refusal is kept this often at most, also where it differs. */
  writeMs: number
  /** How soon a probe confirms what traffic sees. */
  probeSeconds: number
}

export interface KeyHealthRecorder {
  /** Traffic met an error. Answers when a refusal is kept, or cannot be for a second; at once for anything else. */
  failed(key: KeyName, error: unknown): Promise<void>
  /** Traffic was answered. */
  answered(answer: KmsAnswer): void
  /** How long ago the traffic of this replica was last answered; undefined: not lately. */
  answeredAgeMs(key: KeyName, region: string): number | undefined
  /** A probe saw something, which is kept in any case. Answers the change of the shown state, if there was one. */
  probed(key: KeyName, region: string, observation: KeyObservation): Promise<KeyTransition | undefined>
}

export function createKeyHealthRecorder({
  store,
  onTransition,
  onError,
  clock,
  writeMs,
  probeSeconds,
}: KeyHealthRecorderOptions): KeyHealthRecorder {
  const kept = createKeptAnswers(clock, writeMs)
  const answeredMs = new Map<string, number>()
  const nameOf = ({ keyArn, tenantId }: KeyName, region: string) => `${tenantId}/${keyArn}/${region}`

  async function write(
    key: KeyName,
    region: string,
    observation: KeyObservation,
  ): Promise<KeyTransition | undefined> {
    const transition = await saveObservation(store, key, region, observation)
    if (transition !== undefined) onTransition(transition)
    return transition
  }

  /** Keeps an answer, unless an equal one was kept a moment ago. Answers when it is kept, or could not be. */
  function keep(key: KeyName, region: string, observation: KeyObservation): Promise<void> {
    const name = nameOf(key, region)
    const known = kept.findWrite(name, observation)
    if (known !== undefined) return known
    const isNews = kept.contradicts(name, observation)
    const writing = write(key, region, observation)
    writing.catch(onError)
    const written = kept.remember(name, observation, writing)
    if (isNews) {
      const probe = { tenantId: key.tenantId, fingerprint: keyArnFingerprint(key.keyArn) }
      store.keyProbes.hasten(probe, probeSeconds).catch(onError)
    }
    return written
  }

  return {
    async failed(key, error) {
      const observation = observationOf(error)
      if (observation === undefined) return
      answeredMs.delete(nameOf(key, parseKeyArn(key.keyArn).region))
      // A denial in a region that stands in decides nothing, and is not thrown: the error is the own region's. But that
      // region must not be shown any more as one that stands in.
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
      if (answeredMs.size >= maxAnswered) answeredMs.clear()
      answeredMs.set(nameOf(key, region), clock())
      void keep(key, region, observedHealthy)
    },

    answeredAgeMs(key, region) {
      const atMs = answeredMs.get(nameOf(key, region))
      return atMs === undefined ? undefined : clock() - atMs
    },

    async probed(key, region, observation) {
      const writing = write(key, region, observation)
      // Requests that are refused meanwhile wait for it, and try again where it fails.
      void kept.remember(nameOf(key, region), observation, writing)
      return writing
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

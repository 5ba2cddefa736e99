// Probes keys that are in use: it opens a stored tenant key for real in every region, since nothing else tells the truth.
// One replica at a time probes a key, healthy keys seldom and others often. A probe holds no key, evicts nothing during an
// outage, and does not wait behind traffic. A refusal that it meets locks like one that traffic meets.
import {
  KeyholdError,
  isKeyholdError,
  verifyKeyCheckValue,
  type ErrorCode,
  type TenantKeyRef,
} from '@keyhold/core'
import type { KeyObject } from 'node:crypto'
import type { DueProbe } from '../store/key-health.ts'
import type { Store } from '../store/store.ts'
import type { KeyHealthRecorder } from './key-health-recorder.ts'
import { isRefusal, observationOf, observedHealthy } from './key-state.ts'

const afterErrorMs = 10_000
// A probe takes at most two seconds, in all regions at once. This also limits the calls.
const maxAtOnce = 8
const claimSeconds = 30
const unhealthySeconds = 30
// How long the first probe of a key may wait after the key came into use.
const maxSeedMs = 60_000
const jitterShare = 0.1

/** The answer of one region to a probe. */
export interface ProbedRegion {
  region: string
  outcome: { key: KeyObject } | { error: KeyholdError }
}

export interface KeyProberOptions {
  store: Store
  recorder: Pick<KeyHealthRecorder, 'probed'>
  /** Opens a stored tenant key in every region of its KEK, the own region first. */
  probeKey: (keyArn: string, wrapped: Buffer, ref: TenantKeyRef) => Promise<ProbedRegion[]>
  /** Ends what replicas hold and the refusal concerns. */
  onDenial: (code: ErrorCode, key: { keyArn: string; tenantId: string }) => void
  /** Looks whether the provider's alias still names the key. */
  checkAlias: (tenantId: string, fingerprint: string) => Promise<void>
  /** The time between two probes of a healthy key. */
  healthySeconds: number
  /** The pause before the next probe after an answer that contradicts the shown state. */
  confirmSeconds: number
  /** The pause between two looks for keys that are due. */
  roundMs: number
  onError: (error: unknown) => void
}

/** Starts the probes, and answers with the function that ends them. That one waits for running probes. */
export function startKeyProber({
  store,
  recorder,
  probeKey,
  onDenial,
  checkAlias,
  healthySeconds,
  confirmSeconds,
  roundMs,
  onError,
}: KeyProberOptions): () => Promise<void> {
  const running = new Set<Promise<void>>()
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let seededMs = Number.NEGATIVE_INFINITY

  async function look(probe: DueProbe): Promise<void> {
    const { tenantId, fingerprint, keyArn, wrap } = probe
    if (wrap === undefined) {
      await store.keyHealth.endProbes(probe)
      return
    }
    const ref = { tenantId, id: wrap.id, version: wrap.version }
    const regions = await probeKey(keyArn, wrap.wrapped, ref)
    for (const [index, { region, outcome }] of regions.entries()) {
      const error = 'error' in outcome ? outcome.error : integrityError(ref, outcome.key, wrap.keyCheckValue)
      const observation = error === undefined ? observedHealthy : observationOf(error)
      if (observation === undefined) continue
      // This comes first, so that nobody decrypts while the refusal is being written.
      if (index === 0 && error !== undefined && isRefusal(observation))
        onDenial(error.code, { keyArn, tenantId })
      await recorder.probed({ keyArn, tenantId }, region, observation)
    }
    await checkAlias(tenantId, fingerprint)
    await store.keyHealth.scheduleProbe(probe, jittered(await secondsUntilNext(probe)))
  }

  async function secondsUntilNext({ tenantId, fingerprint }: DueProbe): Promise<number> {
    const rows = await store.keyHealth.list(tenantId, fingerprint)
    if (rows.some(({ candidateState }) => candidateState !== undefined)) return confirmSeconds
    return rows.every(({ state }) => state === 'healthy')
      ? healthySeconds
      : Math.min(unhealthySeconds, healthySeconds)
  }

  async function round(): Promise<number> {
    try {
      const seedMs = Math.min(maxSeedMs, healthySeconds * 1_000)
      if (performance.now() - seededMs >= seedMs) {
        seededMs = performance.now()
        await store.keyHealth.seedProbes(seedMs / 1_000)
      }
      const due = await store.keyHealth.claimProbes(maxAtOnce - running.size, claimSeconds)
      for (const probe of due) {
        // A probe that fails is repeated when its claim is over.
        const looking: Promise<void> = look(probe)
          .catch(onError)
          .finally(() => running.delete(looking))
        running.add(looking)
      }
      return roundMs
    } catch (error) {
      onError(error)
      return afterErrorMs
    }
  }

  let rounds = Promise.resolve()
  function next(pauseMs: number): void {
    if (isClosed) return
    timer = setTimeout(() => {
      rounds = round().then(next)
    }, jittered(pauseMs))
  }

  next(0)
  return async () => {
    isClosed = true
    clearTimeout(timer)
    await rounds
    await Promise.all(running)
  }
}

function jittered(value: number): number {
  return value * (1 - jitterShare + 2 * jitterShare * Math.random())
}

function integrityError(ref: TenantKeyRef, key: KeyObject, expected: Buffer): KeyholdError | undefined {
  try {
    verifyKeyCheckValue({ ...ref, key }, expected)
    return undefined
  } catch (error) {
    if (isKeyholdError(error)) return error
    throw error
  }
}

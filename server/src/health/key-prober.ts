// Probes keys that are in use, healthy keys seldom and others often. One replica at a time probes a key. What a probe throws
// concerns that key alone: it comes again later each time, and never before all others.
import type { DueProbe, PlannedProbe } from '../store/key-probes.ts'
import type { Store } from '../store/store.ts'
import { createProbePace } from './probe-pace.ts'
import { probeKey, type ProbeKeyParts, type ProbeOutcome } from './probe-key.ts'
import { createProvenKeks } from './proven-keks.ts'
import { createSeenKeyStates } from './seen-key-states.ts'

// A probe takes at most two seconds, in all regions at once, besides its turn at the KMS and the database.
const claimSeconds = 30
const failedSeconds = 10
const maxFailedSeconds = 600
// While keys wait, the next ones are claimed so soon.
const busyRoundMs = 50
const afterErrorMs = 10_000
const repairMs = 86_400_000
// How long the first probe of a key may wait that had none.
const maxRepairSeconds = 60
const jitterShare = 0.1

export interface KeyProberOptions extends Omit<
  ProbeKeyParts,
  'store' | 'provenKeks' | 'seenStates' | 'onConfirmed'
> {
  store: Pick<Store, 'keyHealth' | 'keyProbes'>
  /** How many probes may begin in a second, as of now. */
  perSecond: () => number
  /** The pause between two looks for keys that are due, while few are. */
  roundMs: number
  /** Receives how each probe went. */
  onProbed: (outcome: ProbeOutcome | 'failed') => void
  /** Receives what a probe or the database threw. */
  onError: (error: unknown) => void
  /** Monotonic milliseconds. */
  clock: () => number
}

/** Starts the probes, and answers with the function that ends them. That one waits for running probes. */
export function startKeyProber(options: KeyProberOptions): () => Promise<void> {
  const { store, perSecond, roundMs, onProbed, onError, clock, healthySeconds } = options
  const pace = createProbePace(perSecond, clock)
  const running = new Set<Promise<void>>()
  let planned: PlannedProbe[] = []
  let confirmed: Parameters<ProbeKeyParts['onConfirmed']>[0][] = []
  const parts: ProbeKeyParts = {
    ...options,
    provenKeks: createProvenKeks(clock),
    seenStates: createSeenKeyStates(clock),
    onConfirmed: (key) => {
      confirmed.push(key)
    },
  }
  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  let repairedMs = Number.NEGATIVE_INFINITY

  async function probe(due: DueProbe): Promise<void> {
    const { tenantId, fingerprint, claim } = due
    // Whatever happens, the key is planned anew.
    let next = {
      failures: due.failures + 1,
      inSeconds: Math.min(maxFailedSeconds, failedSeconds * 2 ** Math.min(due.failures, 10)),
      urgency: 'unhealthy' as DueProbe['urgency'],
    }
    try {
      const { outcome, inSeconds, urgency } = await probeKey(parts, due)
      onProbed(outcome)
      next = { failures: 0, inSeconds, urgency }
    } catch (error) {
      onProbed('failed')
      onError(error)
    } finally {
      planned.push({ tenantId, fingerprint, claim, ...next, inSeconds: jittered(next.inSeconds) })
    }
  }

  /** Writes what ended since the last time. Where the database refuses it, the claims run out and the keys are due again. */
  async function write(): Promise<void> {
    const [plans, confirmations] = [planned, confirmed]
    planned = []
    confirmed = []
    await store.keyHealth.confirm(confirmations)
    await store.keyProbes.plan(plans)
  }

  async function round(): Promise<number> {
    try {
      if (clock() - repairedMs >= repairMs) {
        await store.keyProbes.repair(Math.min(maxRepairSeconds, healthySeconds))
        repairedMs = clock()
      }
      await write()
      const { limit, shares } = pace.allowance()
      if (limit === 0) return busyRoundMs
      const due = await store.keyProbes.claim(limit, shares, claimSeconds)
      for (const each of due) {
        pace.began(each.urgency)
        const probing: Promise<void> = probe(each).finally(() => {
          pace.ended(each.urgency)
          running.delete(probing)
        })
        running.add(probing)
      }
      return due.length > 0 ? busyRoundMs : roundMs
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
    await write().catch(onError)
  }
}

// Never longer: how late a change is shown is a promise.
function jittered(value: number): number {
  return value * (1 - jitterShare * Math.random())
}

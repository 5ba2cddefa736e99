// Probes of customers' keys that are in use: their health, and whether their alias still points to them.
import type { Logger } from 'pino'
import type { KeyHealthRecorder } from '../health/key-health-recorder.ts'
import { startKeyProber } from '../health/key-prober.ts'
import type { AwsKms } from '../kms/aws-kms.ts'
import type { EventCounts } from '../metrics/event-counts.ts'
import { checkAlias } from '../providers/check-alias.ts'
import type { Settings } from '../settings/read-settings.ts'
import type { Store } from '../store/store.ts'
import type { Timings } from '../timings.ts'
import type { Closers } from './close-all.ts'
import type { Keyring } from './open-keyring.ts'

type ProberSettings = Pick<Settings, 'keyProbeSeconds' | 'keyProbesPerSecond' | 'kmsRequestsPerSecond'>

const budgetShare = 0.25
// In each region: Decrypt and DescribeKey.
const callsOfAProbe = 2

interface ProberNeeds {
  store: Store
  recorder: KeyHealthRecorder
  aws: AwsKms
  keyring: Keyring
  events: EventCounts
  /** How many replicas share the budget. */
  replicas: () => number
  timings: Timings
}

/** @param closers - receives the function that ends the probes */
export function startProber(
  { keyProbeSeconds, keyProbesPerSecond, kmsRequestsPerSecond }: ProberSettings,
  logger: Logger,
  { store, recorder, aws, keyring, events, replicas, timings }: ProberNeeds,
  closers: Closers,
): void {
  const close = startKeyProber({
    store,
    recorder,
    askRegions: (keyArn, wrapped, ref, access) => aws.probeKey(keyArn, wrapped, ref, access),
    lookAtKey: (keyArn, tenantId, access) => aws.keyStates(keyArn, tenantId, access),
    evict: keyring.evictDenied,
    onDenial: keyring.denied,
    checkAlias: async (tenantId, fingerprint) => {
      const provider = await store.keyProviders.find(tenantId, fingerprint)
      const resolveAlias = aws.resolveAlias.bind(aws)
      if (provider !== undefined) await checkAlias({ store, resolveAlias }, provider)
    },
    healthySeconds: keyProbeSeconds,
    confirmSeconds: timings.probeConfirmSeconds,
    // Most of the budget is for requests, also where this replica has much to catch up on.
    perSecond: () =>
      kmsRequestsPerSecond === 0
        ? keyProbesPerSecond
        : Math.min(keyProbesPerSecond, ((kmsRequestsPerSecond / replicas()) * budgetShare) / callsOfAProbe),
    roundMs: timings.probeRoundMs,
    onProbed: (outcome) => {
      events.keyProbed(outcome)
    },
    clock: () => performance.now(),
    onError: (error) => {
      logger.warn({ err: error }, 'key not probed: tried again in a while')
    },
  })
  closers.push(close)
}

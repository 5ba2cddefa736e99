// Probes of customers' keys that are in use: their health, and whether their alias still points to them.
import type { Logger } from 'pino'
import type { KeyHealthRecorder } from '../health/key-health-recorder.ts'
import { startKeyProber } from '../health/key-prober.ts'
import type { AwsKms } from '../kms/aws-kms.ts'
import { checkAlias } from '../providers/check-alias.ts'
import type { Settings } from '../settings/read-settings.ts'
import type { Store } from '../store/store.ts'
import type { Timings } from '../timings.ts'
import type { Closers } from './close-all.ts'
import type { Keyring } from './open-keyring.ts'

interface ProberNeeds {
  store: Store
  recorder: KeyHealthRecorder
  aws: AwsKms
  keyring: Keyring
  timings: Timings
}

/** @param closers - receives the function that ends the probes */
export function startProber(
  { keyProbeSeconds }: Pick<Settings, 'keyProbeSeconds'>,
  logger: Logger,
  { store, recorder, aws, keyring, timings }: ProberNeeds,
  closers: Closers,
): void {
  const close = startKeyProber({
    store,
    recorder,
    probeKey: (keyArn, wrapped, ref) => aws.probeKey(keyArn, wrapped, ref),
    onDenial: keyring.denied,
    checkAlias: async (tenantId, fingerprint) => {
      const provider = await store.keyProviders.find(tenantId, fingerprint)
      const resolveAlias = aws.resolveAlias.bind(aws)
      if (provider !== undefined) await checkAlias({ store, resolveAlias }, provider)
    },
    healthySeconds: keyProbeSeconds,
    confirmSeconds: timings.probeConfirmSeconds,
    roundMs: timings.probeRoundMs,
    onError: (error) => {
      logger.warn({ err: error }, 'key not probed: tried again in a while')
    },
  })
  closers.push(close)
}

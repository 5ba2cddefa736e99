// The health of customers' keys: it is recorded, logged and counted, and keys that hang are kept from the traffic.
import type { Logger } from 'pino'
import { createKeyBreaker, type KeyBreaker } from '../health/key-breaker.ts'
import { createKeyHealthRecorder, type KeyHealthRecorder } from '../health/key-health-recorder.ts'
import type { EventCounts } from '../metrics/event-counts.ts'
import type { Store } from '../store/store.ts'
import type { Timings } from '../timings.ts'

export interface KeyHealth {
  recorder: KeyHealthRecorder
  breaker: KeyBreaker
}

export function createKeyHealth(
  store: Store,
  timings: Timings,
  logger: Logger,
  events: EventCounts,
): KeyHealth {
  const clock = () => performance.now()
  const recorder = createKeyHealthRecorder({
    store,
    onTransition: (transition) => {
      logger[transition.to === 'healthy' ? 'info' : 'warn'](transition, 'key health')
      events.keyChanged(transition.to, transition.code ?? 'none')
    },
    onError: (error) => {
      logger.warn({ err: error }, 'health of a key not recorded')
    },
    clock,
    writeMs: timings.healthWriteMs,
    probeSeconds: timings.probeAfterTrafficSeconds,
  })
  return { recorder, breaker: createKeyBreaker(clock, timings.outagePauseMs) }
}

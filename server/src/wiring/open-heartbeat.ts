// The number of replicas that share what holds for the installation.
import type { Logger } from 'pino'
import { startHeartbeat } from '../installation/start-heartbeat.ts'
import type { ReplicaFacts } from '../store/replicas.ts'
import type { Store } from '../store/store.ts'
import type { Timings } from '../timings.ts'
import type { Closers } from './close-all.ts'

interface HeartbeatNeeds {
  store: Store
  timings: Timings
  /** Looks at what this replica tells of itself. Undefined: it is sealed and serves nothing, so it takes no share. */
  look: (() => Promise<ReplicaFacts>) | undefined
  /** Hears of a sign of life that failed. */
  suspect: (error: unknown) => void
}

/**
 * Tells the other replicas that this one is alive, and answers how many there are.
 *
 * @param closers - receives the function that ends it
 */
export async function openHeartbeat(
  { store, timings, look, suspect }: HeartbeatNeeds,
  logger: Logger,
  closers: Closers,
): Promise<() => number> {
  if (look === undefined) return () => 1
  const heartbeat = await startHeartbeat({
    store,
    beatMs: timings.heartbeatMs,
    goneMs: timings.replicaGoneMs,
    look,
    onError: (error) => {
      suspect(error)
      logger.warn(
        { err: error },
        'no sign of life in the database for now: shares of limits stay as they are',
      )
    },
  })
  closers.push(() => heartbeat.close())
  return () => heartbeat.replicas()
}

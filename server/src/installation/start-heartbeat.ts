// This replica's sign of life, and the number of replicas that give one. A replica that cannot reach the database keeps
// the number that it knew.
import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { onShare, ownShares } from '../store/connections/connection-user.ts'
import type { ReplicaFacts } from '../store/replicas.ts'
import type { Store } from '../store/store.ts'
import { createLiveReplicas } from './live-replicas.ts'

export interface HeartbeatOptions {
  store: { replicas: Pick<Store['replicas'], 'beat' | 'leave'> }
  /** Between the end of a sign of life and the next one. */
  beatMs: number
  /** After this time without a sign a replica counts as gone. Several times `beatMs`. */
  goneMs: number
  /** Receives the first error of each time in which the database is away. */
  onError: (error: unknown) => void
  /** Looks at what this replica has to tell of itself, before each sign. */
  look?: () => Promise<ReplicaFacts>
}

export interface Heartbeat {
  /** Live replicas, this one included; at least 1. */
  replicas: () => number
  /** Ends the signs, so that the other replicas do not count this one. Does not wait long for a database that is away. */
  close(): Promise<void>
}

const closeTimeoutMs = 1_000

/** Answers after the first sign of life, which must succeed. */
export async function startHeartbeat({
  store,
  beatMs,
  goneMs,
  onError,
  look,
}: HeartbeatOptions): Promise<Heartbeat> {
  const id = randomUUID()
  const live = createLiveReplicas({ beatMs, goneMs, clock: () => performance.now() })
  const stopping = new AbortController()

  async function beat(): Promise<void> {
    const facts = await look?.()
    live.seen(await onShare(ownShares.heartbeat, false, () => store.replicas.beat(id, goneMs, facts)))
  }

  async function beatOn(): Promise<void> {
    let isAway = false
    for (;;) {
      await pause(beatMs, undefined, { signal: stopping.signal, ref: false })
      isAway = await beat().then(
        () => false,
        (error: unknown) => {
          if (!isAway) onError(error)
          return true
        },
      )
    }
  }

  await beat()
  const ended = beatOn().catch(() => undefined)
  return {
    replicas: () => live.count(),
    async close() {
      stopping.abort()
      // A sign that is under way would come after the leave.
      const left = ended
        .then(() => onShare(ownShares.heartbeat, false, () => store.replicas.leave(id)))
        .catch(() => undefined)
      await Promise.race([left, pause(closeTimeoutMs, undefined, { ref: false })])
    },
  }
}

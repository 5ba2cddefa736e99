// How many replicas are alive, as this one knows it. The number decides about shares of what the installation may use, so
// a mistake must not make shares grow: it rises at once, and falls only when this replica has looked often enough to be
// sure. After an outage of the database all rows are old, and the first replica that is back would seem to be alone. And
// when the database's clock steps forward, or a copy that lags takes over, all others seem gone until their next sign: so
// it takes two looks in a row to believe it.

export interface LiveReplicas {
  /** This one included; at least 1. */
  count(): number
  /** Takes what one look at the database has shown. */
  seen(others: number): void
}

export interface LiveReplicasOptions {
  /** The usual time between two looks. */
  beatMs: number
  /** After this time without a sign a replica counts as gone. */
  goneMs: number
  /** Monotonic, in milliseconds. */
  clock: () => number
}

// A look that comes later than this was held up, and so may others have been.
const lateAfterBeats = 2

export function createLiveReplicas({ beatMs, goneMs, clock }: LiveReplicasOptions): LiveReplicas {
  let count = 1
  let lastMs = Number.NEGATIVE_INFINITY
  let steadySinceMs = Number.NEGATIVE_INFINITY
  let before = 1
  return {
    count: () => count,
    seen(others) {
      const nowMs = clock()
      const isLate = nowMs - lastMs > lateAfterBeats * beatMs
      if (isLate) steadySinceMs = nowMs
      lastMs = nowMs
      const now = others + 1
      if (now > count) count = now
      else if (nowMs - steadySinceMs >= goneMs) count = Math.max(now, before)
      before = now
    },
  }
}

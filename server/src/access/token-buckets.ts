// Token buckets by name, in bounded memory. A bucket holds what it gets in one window, so that after a quiet window twice
// as much may pass. An empty bucket stays closed until a tenth of it is back: who waits as long as told is then let
// through several times, and does not meet the next refusal at once.
import { LRUCache } from 'lru-cache'

export interface TokenBucketOptions {
  /** How many tokens a bucket gets in a window. Asked each time, because it may change. Above 0. */
  tokens: () => number
  windowMs: number
  /** Monotonic, in milliseconds. */
  clock: () => number
}

export interface TokenBuckets {
  /** Milliseconds until the bucket is open; 0: it is. */
  waitMs(name: string): number
  /** How many tokens an open bucket can spend now; at least 1. */
  left(name: string): number
  /** Takes one token, if there is one. */
  spend(name: string): void
}

interface Bucket {
  level: number
  updatedMs: number
  isClosed: boolean
}

// The bucket that was used least recently goes, and begins full again. One that is being emptied is used all the time.
const maxBuckets = 20_000
const reopensAtShare = 0.1
// The tokens that are due by now may lack the last bits of a number.
const tolerance = 1e-6

export function createTokenBuckets({ tokens, windowMs, clock }: TokenBucketOptions): TokenBuckets {
  // By `maxSize` it takes room as it fills; by `max`, all of it at the start.
  const buckets = new LRUCache<string, Bucket>({ maxSize: maxBuckets, sizeCalculation: () => 1 })

  function refilled(name: string, perWindow: number): Bucket {
    const nowMs = clock()
    // It has room for one token even if it gets less in a window, or it would never open.
    const capacity = Math.max(1, perWindow)
    const bucket = buckets.get(name)
    if (bucket === undefined) {
      const full = { level: capacity, updatedMs: nowMs, isClosed: false }
      buckets.set(name, full)
      return full
    }
    const gained = ((nowMs - bucket.updatedMs) / windowMs) * perWindow
    bucket.level = Math.min(capacity, bucket.level + gained)
    bucket.updatedMs = nowMs
    return bucket
  }

  return {
    waitMs(name) {
      const perWindow = tokens()
      const bucket = refilled(name, perWindow)
      const reopensAt = Math.max(1, perWindow * reopensAtShare)
      const needed = bucket.isClosed ? reopensAt : 1
      bucket.isClosed = needed - bucket.level > tolerance
      return bucket.isClosed ? ((reopensAt - bucket.level) / perWindow) * windowMs : 0
    },
    left: (name) => Math.max(1, Math.floor(refilled(name, tokens()).level + tolerance)),
    spend(name) {
      const bucket = refilled(name, tokens())
      bucket.level = Math.max(0, bucket.level - 1)
    },
  }
}

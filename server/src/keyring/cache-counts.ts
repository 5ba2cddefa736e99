// What a cache of keys tells of itself.
export interface CacheCounts {
  hits: number
  misses: number
  /** Others took their place. */
  evictedForRoom: number
  /** Denied, locked, changed or deleted before their time. */
  ended: number
  /** Now. */
  entries: number
}

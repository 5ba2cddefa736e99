// The counts of a cache of keys.
export interface CacheCounts {
  hits: number
  misses: number
  /** Entries that made room for others while they were valid. */
  evictedForRoom: number
  /** Entries that ended before their time: denied, locked, changed or deleted. */
  ended: number
  /** Entries that are held now. */
  entries: number
  /** Entries that there is room for. */
  maxEntries: number
}

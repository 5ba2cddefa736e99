// The highest generation of each anchor row that this replica has verified. A database that shows an older one has gone
// back: a MAC does not tell, since the row was right once.
//
// It never alarms on a legal history. Who compares takes what is remembered before the statement begins that reads: whatever
// was remembered then was committed, and every later statement sees it. In a snapshot, which may be older, nobody compares.

// Some 120 bytes each.
const maxTenants = 100_000

export interface SeenGenerations {
  /** 0: nothing is remembered. */
  get(tenantId: string): number
  /** Only for a generation that is committed, of a row that was verified. */
  raise(tenantId: string, generation: number): void
}

/** @param most - beyond that many tenants, the one whose row was seen longest ago is forgotten */
export function createSeenGenerations(most = maxTenants): SeenGenerations {
  const seen = new Map<string, number>()
  return {
    get: (tenantId) => seen.get(tenantId) ?? 0,
    raise(tenantId, generation) {
      const highest = Math.max(generation, seen.get(tenantId) ?? 0)
      // The order of a map is that of the insertions.
      seen.delete(tenantId)
      seen.set(tenantId, highest)
      const [oldest] = seen.keys()
      if (seen.size > most && oldest !== undefined) seen.delete(oldest)
    },
  }
}

/** For snapshots, which may be older than what others have read meanwhile. */
export const unseenGenerations: SeenGenerations = { get: () => 0, raise: () => undefined }

/** The memory for one transaction, whose writes are remembered once they are committed. */
export interface DeferredGenerations extends SeenGenerations {
  /** Call it after the commit. */
  commit(): void
}

export function deferGenerations(seen: SeenGenerations): DeferredGenerations {
  const raised = new Map<string, number>()
  return {
    get: (name) => seen.get(name),
    raise(name, generation) {
      raised.set(name, Math.max(generation, raised.get(name) ?? 0))
    },
    commit() {
      for (const [name, generation] of raised) seen.raise(name, generation)
    },
  }
}

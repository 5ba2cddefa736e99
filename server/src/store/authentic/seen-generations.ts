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

/** A memory that can be kept outside of the database. */
export interface RememberedGenerations extends SeenGenerations {
  /** Remembers what was kept of an earlier life: nobody has to keep it again. */
  prime(tenantId: string, generation: number): void
  /** The generations that have risen since the last call, by tenant. */
  takeRaised(): Map<string, number>
}

/** @param most - beyond that many tenants, the one whose row was seen longest ago is forgotten */
export function createSeenGenerations(most = maxTenants): RememberedGenerations {
  const seen = new Map<string, number>()
  let raised = new Map<string, number>()

  function put(memory: Map<string, number>, tenantId: string, generation: number): void {
    // The order of a map is that of the insertions.
    memory.delete(tenantId)
    memory.set(tenantId, generation)
    const [oldest] = memory.keys()
    if (memory.size > most && oldest !== undefined) memory.delete(oldest)
  }

  return {
    get: (tenantId) => seen.get(tenantId) ?? 0,
    raise(tenantId, generation) {
      const before = seen.get(tenantId) ?? 0
      put(seen, tenantId, Math.max(generation, before))
      if (generation > before) put(raised, tenantId, generation)
    },
    prime(tenantId, generation) {
      put(seen, tenantId, Math.max(generation, seen.get(tenantId) ?? 0))
    },
    takeRaised() {
      const taken = raised
      raised = new Map()
      return taken
    },
  }
}

/** All that a replica remembers, by the kind of the row. The installation's row has no name. */
export interface Generations {
  fences: RememberedGenerations
  guards: RememberedGenerations
  installation: RememberedGenerations
  keyHealth: RememberedGenerations
}

export function createGenerations(): Generations {
  return {
    fences: createSeenGenerations(),
    guards: createSeenGenerations(),
    installation: createSeenGenerations(),
    keyHealth: createSeenGenerations(),
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

// A cache with a limit of entries, in which no tenant can take more than its share. A tenant that asks for very many keys
// pushes out its own entries, not those of its neighbours.

export interface PerTenantCacheOptions {
  /** Entries of all tenants together. */
  maxEntries: number
  /** Entries of one tenant. */
  maxEntriesPerTenant: number
}

export interface PerTenantCache<Value> {
  get(tenantId: string, name: string): Value | undefined
  set(tenantId: string, name: string, value: Value): void
  delete(tenantId: string, name: string): void
  /** Looks at all entries of the tenant, and answers how many it deleted. */
  deleteWhere(tenantId: string, matches: (value: Value) => boolean): number
  readonly entries: number
  /** The number of entries that made room for others. */
  readonly evictedForRoom: number
}

/** A full cache deletes the least recently used entry of the least recently used tenant. */
export function createPerTenantCache<Value extends object>({
  maxEntries,
  maxEntriesPerTenant,
}: PerTenantCacheOptions): PerTenantCache<Value> {
  // A Map keeps the order of insertion. Used entries are inserted anew, so the first one is the least recently used.
  const tenants = new Map<string, Map<string, Value>>()
  let entries = 0
  let evictedForRoom = 0
  // If it is asked for again, as in the traffic of one tenant, it is at its place already.
  let lastUsed: Value | undefined

  function touch(tenantId: string, values: Map<string, Value>, name: string, value: Value): void {
    lastUsed = value
    values.delete(name)
    values.set(name, value)
    tenants.delete(tenantId)
    tenants.set(tenantId, values)
  }

  function remove(tenantId: string, values: Map<string, Value>, name: string): void {
    if (!values.delete(name)) return
    entries--
    lastUsed = undefined
    if (values.size === 0) tenants.delete(tenantId)
  }

  function removeLongestUnused(tenantId: string, values: Map<string, Value>): void {
    for (const name of values.keys()) {
      evictedForRoom++
      remove(tenantId, values, name)
      return
    }
  }

  return {
    get entries() {
      return entries
    },
    get evictedForRoom() {
      return evictedForRoom
    },

    get(tenantId, name) {
      const values = tenants.get(tenantId)
      const value = values?.get(name)
      if (values !== undefined && value !== undefined && value !== lastUsed) {
        touch(tenantId, values, name, value)
      }
      return value
    },

    set(tenantId, name, value) {
      const values = tenants.get(tenantId) ?? new Map<string, Value>()
      if (!values.has(name)) entries++
      touch(tenantId, values, name, value)
      if (values.size > maxEntriesPerTenant) removeLongestUnused(tenantId, values)
      if (entries <= maxEntries) return
      for (const [longestUnused, its] of tenants) {
        removeLongestUnused(longestUnused, its)
        return
      }
    },

    delete(tenantId, name) {
      const values = tenants.get(tenantId)
      if (values !== undefined) remove(tenantId, values, name)
    },

    deleteWhere(tenantId, matches) {
      const values = tenants.get(tenantId)
      if (values === undefined) return 0
      const names = [...values].filter(([, value]) => matches(value)).map(([name]) => name)
      for (const name of names) remove(tenantId, values, name)
      return names.length
    },
  }
}

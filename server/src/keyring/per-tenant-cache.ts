// A cache bounded by count, in which no tenant can take more than its share: one that asks for very many keys pushes
// out its own, not those of its neighbours.
import { LRUCache } from 'lru-cache'

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
  /** Looks at all entries of the tenant. */
  deleteWhere(tenantId: string, matches: (value: Value) => boolean): void
}

export function createPerTenantCache<Value extends object>({
  maxEntries,
  maxEntriesPerTenant,
}: PerTenantCacheOptions): PerTenantCache<Value> {
  // A Set keeps the order of insertion; a name that is used is put in anew, so the first one is the longest unused.
  const namesByTenant = new Map<string, Set<string>>()
  const all = new LRUCache<string, { tenantId: string; name: string; value: Value }>({
    max: maxEntries,
    dispose: ({ tenantId, name }, _key, reason) => {
      if (reason !== 'set') forget(tenantId, name)
    },
  })

  // Tenant ids have no slash.
  const keyOf = (tenantId: string, name: string) => `${tenantId}/${name}`

  function forget(tenantId: string, name: string): void {
    const names = namesByTenant.get(tenantId)
    names?.delete(name)
    if (names?.size === 0) namesByTenant.delete(tenantId)
  }

  function touch(tenantId: string, name: string): Set<string> {
    const names = namesByTenant.get(tenantId) ?? new Set()
    namesByTenant.set(tenantId, names)
    names.delete(name)
    return names.add(name)
  }

  return {
    get(tenantId, name) {
      const entry = all.get(keyOf(tenantId, name))
      if (entry !== undefined) touch(tenantId, name)
      return entry?.value
    },

    set(tenantId, name, value) {
      all.set(keyOf(tenantId, name), { tenantId, name, value })
      const names = touch(tenantId, name)
      const [longestUnused] = names
      if (names.size > maxEntriesPerTenant && longestUnused !== undefined)
        all.delete(keyOf(tenantId, longestUnused))
    },

    delete(tenantId, name) {
      all.delete(keyOf(tenantId, name))
    },

    deleteWhere(tenantId, matches) {
      for (const name of [...(namesByTenant.get(tenantId) ?? [])]) {
        const entry = all.peek(keyOf(tenantId, name))
        if (entry !== undefined && matches(entry.value)) all.delete(keyOf(tenantId, name))
      }
    },
  }
}

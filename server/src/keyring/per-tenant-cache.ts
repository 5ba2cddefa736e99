// A cache with a limit of entries, in which no tenant can take more than its share. A tenant that asks for very many keys
// pushes out its own entries, not those of its neighbours. Entries are found by tenant and by group without a look at all
// others, since what is denied must end at once.
//
// A full cache drops an entry at random, with a second chance for those in use. In steady traffic it finds as much as one
// that drops the longest unused. In a round over more keys than fit that one finds nothing, and this one nearly all that
// fits.

export interface PerTenantCacheOptions<Value> {
  /** Entries of all tenants together. */
  maxEntries: number
  /** Entries of one tenant. */
  maxEntriesPerTenant: number
  /** An entry whose value is not valid any more goes first, and its end is not counted. Default: all are valid. */
  isValid?: (value: Value) => boolean
  /** Receives the value of every entry that is removed or replaced by another value. */
  onRemove?: (value: Value) => void
  /** From 0 to below 1. */
  random?: () => number
}

export interface PerTenantCache<Value> {
  get(tenantId: string, name: string): Value | undefined
  /** @param group - what else the entry may be deleted by */
  set(tenantId: string, name: string, value: Value, group: string): void
  delete(tenantId: string, name: string): void
  /** Deletes all entries of a tenant, and answers how many there were. */
  deleteTenant(tenantId: string): number
  /** Deletes all entries of a group, of all tenants or of one, and answers how many there were. */
  deleteGroup(group: string, tenantId?: string): number
  values(): Iterable<Value>
  /** The tenants that have entries. */
  tenantIds(): string[]
  readonly entries: number
  /** The number of valid entries that made room for others. */
  readonly evictedForRoom: number
}

interface Entry<Value> {
  readonly tenantId: string
  readonly name: string
  group: string
  value: Value
  /** Whether it was found since it came, or since its last second chance. */
  isUsed: boolean
  /** Its place among all entries. */
  index: number
  before: Entry<Value> | undefined
  after: Entry<Value> | undefined
}

// How many entries are looked at for one that is not in use, or not valid any more.
const looks = 5
// How many entries are looked at for one of the tenant. At a share of a fifth, five are enough on average.
const looksForTenant = 64

export function createPerTenantCache<Value extends object>({
  maxEntries,
  maxEntriesPerTenant,
  isValid = () => true,
  onRemove,
  random = Math.random,
}: PerTenantCacheOptions<Value>): PerTenantCache<Value> {
  const tenants = new Map<string, Map<string, Entry<Value>>>()
  const all: Entry<Value>[] = []
  // The first entry of each group; the others follow it.
  const groups = new Map<string, Entry<Value>>()
  let evictedForRoom = 0

  function link(entry: Entry<Value>): void {
    const first = groups.get(entry.group)
    entry.after = first
    if (first !== undefined) first.before = entry
    groups.set(entry.group, entry)
  }

  function unlink(entry: Entry<Value>): void {
    const { before, after, group } = entry
    if (before !== undefined) before.after = after
    else if (after !== undefined) groups.set(group, after)
    else groups.delete(group)
    if (after !== undefined) after.before = before
    entry.before = entry.after = undefined
  }

  function remove(entry: Entry<Value>): void {
    const its = tenants.get(entry.tenantId)
    its?.delete(entry.name)
    if (its?.size === 0) tenants.delete(entry.tenantId)
    const last = all.pop()
    if (last !== undefined && last !== entry) {
      all[entry.index] = last
      last.index = entry.index
    }
    unlink(entry)
    onRemove?.(entry.value)
  }

  function removeMany(entries: Iterable<Entry<Value>>): number {
    const found = [...entries]
    for (const entry of found) remove(entry)
    return found.length
  }

  function* inGroup(group: string): Iterable<Entry<Value>> {
    for (let entry = groups.get(group); entry !== undefined; entry = entry.after) yield entry
  }

  const atRandom = (): Entry<Value> | undefined => all[Math.floor(random() * all.length)]

  function ofTenantAtRandom(tenantId: string, its: Map<string, Entry<Value>>): Entry<Value> | undefined {
    for (let look = 0; look < looksForTenant; look++) {
      const entry = atRandom()
      if (entry?.tenantId === tenantId) return entry
    }
    const [oldest] = its.values()
    return oldest
  }

  /** @param next - answers some entry, another one each time as far as it can */
  function makeRoom(next: () => Entry<Value> | undefined): void {
    let unused: Entry<Value> | undefined
    let last: Entry<Value> | undefined
    for (let look = 0; look < looks; look++) {
      const entry = next()
      if (entry === undefined) return
      if (!isValid(entry.value)) {
        remove(entry)
        return
      }
      last = entry
      if (!entry.isUsed) unused ??= entry
      else if (unused === undefined) entry.isUsed = false
    }
    evictedForRoom++
    const chosen = unused ?? last
    if (chosen !== undefined) remove(chosen)
  }

  function makeRoomFor(tenantId: string): void {
    const its = tenants.get(tenantId)
    if (its !== undefined && its.size >= maxEntriesPerTenant) makeRoom(() => ofTenantAtRandom(tenantId, its))
    else if (all.length >= maxEntries) makeRoom(atRandom)
  }

  function replace(entry: Entry<Value>, value: Value, group: string): void {
    const before = entry.value
    entry.value = value
    if (entry.group !== group) {
      unlink(entry)
      entry.group = group
      link(entry)
    }
    if (before !== value) onRemove?.(before)
  }

  return {
    get entries() {
      return all.length
    },
    get evictedForRoom() {
      return evictedForRoom
    },

    get(tenantId, name) {
      const entry = tenants.get(tenantId)?.get(name)
      if (entry !== undefined) entry.isUsed = true
      return entry?.value
    },

    set(tenantId, name, value, group) {
      const known = tenants.get(tenantId)?.get(name)
      if (known !== undefined) {
        replace(known, value, group)
        return
      }
      makeRoomFor(tenantId)
      const its = tenants.get(tenantId) ?? new Map<string, Entry<Value>>()
      tenants.set(tenantId, its)
      const place = { index: all.length, before: undefined, after: undefined }
      const entry: Entry<Value> = { tenantId, name, group, value, isUsed: false, ...place }
      its.set(name, entry)
      all.push(entry)
      link(entry)
    },

    delete(tenantId, name) {
      const entry = tenants.get(tenantId)?.get(name)
      if (entry !== undefined) remove(entry)
    },

    values: () => all.map(({ value }) => value),

    tenantIds: () => [...tenants.keys()],

    deleteTenant: (tenantId) => removeMany(tenants.get(tenantId)?.values() ?? []),

    deleteGroup(group, tenantId) {
      if (tenantId === undefined) return removeMany(inGroup(group))
      const its = tenants.get(tenantId)?.values() ?? []
      return removeMany([...its].filter((entry) => entry.group === group))
    },
  }
}

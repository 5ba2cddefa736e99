import { expect, test } from 'vitest'
import { mulberry32 } from '../../../testkit/src/statistics/seeded-random.ts'
import { createPerTenantCache } from '../../src/keyring/per-tenant-cache.ts'

const entry = (value: string) => ({ value })

function createCache(maxEntries: number, maxEntriesPerTenant = maxEntries) {
  const removed: string[] = []
  const invalid = new Set<string>()
  const cache = createPerTenantCache<{ value: string }>({
    maxEntries,
    maxEntriesPerTenant,
    isValid: ({ value }) => !invalid.has(value),
    onRemove: ({ value }) => removed.push(value),
    random: mulberry32(7),
  })
  const has = (tenantId: string, name: string) => cache.get(tenantId, name) !== undefined
  return { cache, removed, invalid, has }
}

test('what is set is found, under its own tenant alone, until it is deleted', () => {
  const { cache, removed } = createCache(10, 5)
  cache.set('a', 'x', entry('1'), 'g')
  cache.set('a', 'x', entry('2'), 'g')
  expect(cache.get('a', 'x')).toEqual(entry('2'))
  expect(cache.get('b', 'x')).toBeUndefined()
  cache.delete('a', 'x')
  expect(cache.get('a', 'x')).toBeUndefined()
  expect(removed).toEqual(['1', '2'])
  expect(cache.entries).toBe(0)
})

test('a tenant with very many keys pushes out its own, and none of its neighbours', () => {
  const { cache, has } = createCache(100, 20)
  for (let name = 0; name < 79; name++) cache.set('quiet', String(name), entry('quiet'), 'g')
  const quiet = cache.entries
  for (let name = 0; name < 500; name++) cache.set('loud', String(name), entry(String(name)), 'g')
  expect(cache.entries).toBe(quiet + 20)
  expect(has('loud', '499')).toBe(true)
  expect(cache.evictedForRoom).toBe(79 - quiet + 500 - 20)
})

test('all tenants together stay within the bound, and what comes is held', () => {
  const { cache, has } = createCache(4)
  for (const tenant of ['a', 'b', 'c', 'd', 'e', 'f', 'a', 'b']) {
    cache.set(tenant, 'x', entry(tenant), 'g')
    expect(has(tenant, 'x')).toBe(true)
    expect(cache.entries).toBeLessThanOrEqual(4)
  }
})

test('in a round over more keys than fit, nearly all that fits is found', () => {
  const { cache, has } = createCache(2_000)
  let found = 0
  for (let round = 0; round < 20; round++) {
    for (let tenant = 0; tenant < 2_100; tenant++) {
      if (has(`tenant-${tenant}`, 'x')) found += round < 10 ? 0 : 1
      else cache.set(`tenant-${tenant}`, 'x', entry('x'), 'g')
    }
  }
  // 95 percent fit; one that drops the longest unused finds nothing.
  expect(found / (10 * 2_100)).toBeGreaterThan(0.85)
})

test('keys in use are dropped seldom, however many come once', () => {
  const { cache, has } = createCache(1_000)
  for (let tenant = 0; tenant < 100; tenant++) cache.set(`used-${tenant}`, 'x', entry('x'), 'g')
  let missed = 0
  for (let once = 0; once < 10_000; once++) {
    const tenant = `used-${once % 100}`
    if (!has(tenant, 'x')) {
      missed++
      cache.set(tenant, 'x', entry('x'), 'g')
    }
    cache.set(`once-${once}`, 'x', entry('x'), 'g')
  }
  expect(missed).toBeLessThan(200)
})

test('what is not valid any more goes first, and is not counted', () => {
  const { cache, has, invalid } = createCache(3)
  for (const value of ['1', '2', '3']) cache.set('a', value, entry(value), 'g')
  for (const value of ['1', '2', '3']) invalid.add(value)
  cache.set('a', '4', entry('4'), 'g')
  expect(has('a', '4')).toBe(true)
  expect(cache.entries).toBe(3)
  expect(cache.evictedForRoom).toBe(0)
})

test('entries are deleted by tenant and by group, and all others stay', () => {
  const { cache, removed, has } = createCache(3_000)
  for (let each = 0; each < 3_000; each++)
    cache.set(`tenant-${each % 3}`, String(each), entry(String(each)), `group-${each % 2}`)
  expect(cache.deleteGroup('group-0', 'tenant-0')).toBe(500)
  expect(cache.deleteGroup('group-0', 'tenant-0')).toBe(0)
  expect(cache.deleteGroup('group-1')).toBe(1_500)
  expect(cache.deleteTenant('tenant-1')).toBe(500)
  expect(cache.entries).toBe(500)
  expect(removed).toHaveLength(2_500)
  for (let each = 0; each < 3_000; each++)
    expect(has(`tenant-${each % 3}`, String(each))).toBe(each % 2 === 0 && each % 3 === 2)
  // Deleted entries have made room.
  for (let each = 0; each < 2_500; each++) cache.set('tenant-4', String(each), entry('x'), 'group-1')
  expect(cache.evictedForRoom).toBe(0)
})

test('an entry that moves to another group is deleted with that one', () => {
  const { cache, has } = createCache(10)
  for (const name of ['1', '2', '3']) cache.set('a', name, entry(name), 'before')
  cache.set('a', '2', entry('2'), 'after')
  expect(cache.deleteGroup('before')).toBe(2)
  expect(has('a', '2')).toBe(true)
  expect(cache.deleteGroup('after')).toBe(1)
})

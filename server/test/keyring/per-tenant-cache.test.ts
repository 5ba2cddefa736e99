import { expect, test } from 'vitest'
import { createPerTenantCache } from '../../src/keyring/per-tenant-cache.ts'

const entry = (value: string) => ({ value })

test('what is set is found, under its own tenant alone, until it is deleted', () => {
  const cache = createPerTenantCache<{ value: string }>({ maxEntries: 10, maxEntriesPerTenant: 5 })
  cache.set('a', 'x', entry('1'))
  cache.set('a', 'x', entry('2'))
  expect(cache.get('a', 'x')).toEqual(entry('2'))
  expect(cache.get('b', 'x')).toBeUndefined()
  cache.delete('a', 'x')
  expect(cache.get('a', 'x')).toBeUndefined()
})

test('a tenant with very many keys pushes out its own longest unused, and none of its neighbours', () => {
  const cache = createPerTenantCache<{ value: string }>({ maxEntries: 100, maxEntriesPerTenant: 3 })
  cache.set('quiet', 'only', entry('quiet'))
  for (const name of ['1', '2', '3']) cache.set('loud', name, entry(name))
  cache.get('loud', '1')
  cache.set('loud', '4', entry('4'))
  expect(['1', '2', '3', '4'].filter((name) => cache.get('loud', name) !== undefined)).toEqual([
    '1',
    '3',
    '4',
  ])
  for (let name = 5; name < 500; name++) cache.set('loud', String(name), entry(String(name)))
  expect(cache.get('quiet', 'only')).toEqual(entry('quiet'))
  expect(['497', '498', '499'].every((name) => cache.get('loud', name) !== undefined)).toBe(true)
})

test('all tenants together stay within the bound, and a tenant that was pushed out whole may come back', () => {
  const cache = createPerTenantCache<{ value: string }>({ maxEntries: 4, maxEntriesPerTenant: 4 })
  for (const tenant of ['a', 'b', 'c', 'd', 'e', 'f']) cache.set(tenant, 'x', entry(tenant))
  const held = ['a', 'b', 'c', 'd', 'e', 'f'].filter((tenant) => cache.get(tenant, 'x') !== undefined)
  expect(held).toEqual(['c', 'd', 'e', 'f'])
  cache.set('a', 'x', entry('again'))
  expect(cache.get('a', 'x')).toEqual(entry('again'))
})

test('when all are full, what goes is of the tenant that was longest unused, its longest unused first', () => {
  const cache = createPerTenantCache<{ value: string }>({ maxEntries: 4, maxEntriesPerTenant: 4 })
  for (const name of ['1', '2']) cache.set('a', name, entry(name))
  for (const name of ['1', '2']) cache.set('b', name, entry(name))
  cache.get('a', '1')
  cache.get('a', '1')
  cache.set('c', '1', entry('1'))
  expect([cache.get('b', '1'), cache.get('b', '2')]).toEqual([undefined, entry('2')])
  expect([cache.get('a', '1'), cache.get('a', '2')]).toEqual([entry('1'), entry('2')])
})

test('one value under two names is found and bounded under each', () => {
  const cache = createPerTenantCache<{ value: string }>({ maxEntries: 10, maxEntriesPerTenant: 2 })
  const shared = entry('shared')
  cache.set('a', 'name', shared)
  cache.set('a', 'id', shared)
  expect([cache.get('a', 'name'), cache.get('a', 'id')]).toEqual([shared, shared])
  cache.set('a', 'other', entry('other'))
  expect(['name', 'id', 'other'].filter((name) => cache.get('a', name) !== undefined)).toHaveLength(2)
})

test('entries are deleted by what they hold, those of other tenants left alone', () => {
  const cache = createPerTenantCache<{ value: string }>({ maxEntries: 3, maxEntriesPerTenant: 3 })
  cache.set('a', '1', entry('old'))
  cache.set('a', '2', entry('new'))
  cache.set('b', '1', entry('old'))
  cache.deleteWhere('a', ({ value }) => value === 'old')
  expect([cache.get('a', '1'), cache.get('a', '2'), cache.get('b', '1')]).toEqual([
    undefined,
    entry('new'),
    entry('old'),
  ])
  // What was deleted has made room.
  cache.set('c', '1', entry('third'))
  expect([cache.get('a', '2'), cache.get('b', '1')]).toEqual([entry('new'), entry('old')])
})

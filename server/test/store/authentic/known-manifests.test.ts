// The memory of manifests is bounded, and has one digest for each tenant.
import { expect, test } from 'vitest'
import { createKnownManifests } from '../../../src/store/authentic/known-manifests.ts'
import type { ManifestEntry } from '../../../src/store/authentic/manifest.ts'

const entries = (count: number): ManifestEntry[] =>
  Array.from({ length: count }, (_, index) => ({
    kind: 'minimumVersion',
    key: String(index),
    mac: Buffer.of(index % 256),
  }))
const [one, two] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)]

test('only the last manifest of a tenant is known, by its digest', () => {
  const known = createKnownManifests()
  known.remember('a', one, entries(2))
  expect(known.find('a', one)?.find('minimumVersion', 1)).toEqual(Buffer.of(1))
  known.remember('a', two, entries(1))
  expect(known.find('a', one)).toBeUndefined()
  expect(known.find('a', two)?.keys('minimumVersion')).toEqual(['0'])
  expect(known.find('b', two)).toBeUndefined()
})

test('the tenant that was seen longest ago is forgotten first, and one with very many rows is not kept', () => {
  const known = createKnownManifests(10)
  for (const tenant of ['a', 'b']) known.remember(tenant, one, entries(5))
  known.remember('a', one, entries(5))
  known.remember('c', one, entries(5))
  expect(['a', 'b', 'c'].filter((tenant) => known.find(tenant, one) !== undefined)).toEqual(['a', 'c'])
  const large = createKnownManifests()
  large.remember('a', one, entries(1))
  large.remember('a', two, entries(2_001))
  expect(large.find('a', one)).toBeUndefined()
  expect(large.find('a', two)).toBeUndefined()
})

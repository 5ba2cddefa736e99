// A replica remembers the highest generation of each tenant's row, and of so many tenants.
import { expect, test } from 'vitest'
import { createSeenGenerations } from '../../../src/store/authentic/seen-generations.ts'

test('the highest counts, and beyond the limit the tenant that was seen longest ago is forgotten', () => {
  const seen = createSeenGenerations(2)
  expect(seen.get('a')).toBe(0)
  seen.raise('a', 5)
  seen.raise('a', 3)
  seen.raise('b', 1)
  seen.raise('a', 4)
  expect(seen.get('a')).toBe(5)
  seen.raise('c', 1)
  expect([seen.get('a'), seen.get('b'), seen.get('c')]).toEqual([5, 0, 1])
})

test('what has risen is told once, and what was kept before is not', () => {
  const seen = createSeenGenerations()
  seen.prime('a', 7)
  seen.prime('a', 6)
  seen.raise('a', 5)
  expect([seen.get('a'), ...seen.takeRaised()]).toEqual([7])
  seen.raise('a', 8)
  seen.raise('b', 1)
  seen.raise('a', 9)
  seen.raise('b', 1)
  expect(new Map(seen.takeRaised())).toEqual(
    new Map([
      ['a', 9],
      ['b', 1],
    ]),
  )
  seen.raise('a', 9)
  expect([...seen.takeRaised()]).toEqual([])
})

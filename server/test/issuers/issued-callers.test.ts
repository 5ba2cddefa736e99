// A caller is held for a minute at the most, and for no longer than what it has shown is valid.
import { beforeEach, expect, test } from 'vitest'
import type { Caller } from '../../src/access/caller.ts'
import { createIssuedCallers, type IssuedCallers } from '../../src/issuers/issued-callers.ts'

const caller: Caller = { kind: 'jwt', id: 'i#s', role: 'service', tenantId: 'acme' }
const issued = { caller, boundTo: undefined, issuer: 'test', subject: 's' }
let nowMs: number
let held: IssuedCallers

beforeEach(() => {
  nowMs = 1_000
  held = createIssuedCallers(() => nowMs)
})

test.each([
  [5_000, 5_000],
  [3_600_000, 60_000],
  [Infinity, 60_000],
])('what is valid for %i ms is held for %i', (validMs, heldMs) => {
  held.hold('a', issued, nowMs, validMs)
  nowMs += heldMs - 1
  expect(held.find('a')).toMatchObject(issued)
  nowMs += 1
  expect(held.find('a')).toBeUndefined()
})

test('what was read before others were trusted is not held', () => {
  const readAtMs = nowMs
  held.clear()
  held.hold('b', issued, readAtMs, 5_000)
  expect(held.find('b')).toBeUndefined()
  nowMs += 1
  held.hold('a', issued, nowMs, 5_000)
  expect(held.find('a')).toMatchObject(issued)
})

// Whose requests a limit counts together, what a refusal says, and what a number of replicas makes of it.
import { beforeEach, expect, test } from 'vitest'
import type { Caller } from '../../src/access/caller.ts'
import {
  createRateLimits,
  type AllowedRequests,
  type RateLimit,
  type RefuseBeyondLimit,
} from '../../src/access/rate-limits.ts'

const allowed: AllowedRequests = {
  perCaller: { 'tier-1': 1_000, 'tier-2': 100, management: 50, data: 20, 'kill-switch': 10 },
  perTenant: { management: 120, data: 30 },
}

let nowMs: number
let replicas: number
let refused: string[]
let refuse: RefuseBeyondLimit
beforeEach(() => {
  nowMs = 0
  replicas = 1
  refused = []
  refuse = create(allowed)
})

const create = (limits: AllowedRequests) =>
  createRateLimits({
    allowed: limits,
    replicas: () => replicas,
    onRefused: (limit, scope) => refused.push(`${limit} ${scope}`),
    clock: () => nowMs,
  })

const service = (id: string, tenantId?: string): Caller => ({
  kind: 'api-key',
  id,
  role: 'service',
  tenantId,
})

/** How many requests are let through at this moment. */
function spree(limit: RateLimit, caller: Caller, tenantId = caller.tenantId): number {
  let taken = 0
  while (taken < 5_000 && refuse(limit, { caller, tenantId }) === undefined) taken += 1
  return taken
}

test('a caller has the same in each minute, for each limit apart; a full one closes no other', () => {
  const caller = service('one', 'acme')
  expect([spree('tier-2', caller), spree('management', caller)]).toEqual([100, 20])
  expect(refused).toEqual(['tier-2 caller', 'management tenant'])
  expect(spree('data', caller)).toBe(20)
  expect(spree('tier-1', service('two', 'other'))).toBe(120)
  nowMs += 60_000
  expect(spree('tier-2', caller)).toBe(100)
})

test('the callers of a tenant share its limit, and those of another one do not feel it', () => {
  expect([spree('data', service('one', 'acme')), spree('data', service('two', 'acme'))]).toEqual([20, 10])
  expect(spree('data', service('three', 'neighbour'))).toBe(20)
  expect(refused).toEqual(['data caller', 'data tenant', 'data caller'])
})

test('what the limit of the tenant refuses is not taken from the caller', () => {
  const [flooding, late] = [service('one', 'acme'), service('two', 'acme')]
  spree('data', flooding)
  expect(spree('data', late)).toBe(10)
  for (let count = 0; count < 50; count++) refuse('data', { caller: late, tenantId: 'acme' })
  nowMs += 250
  // In this time the tenant has gained 7. The caller alone would have gained 5.
  expect(spree('data', late)).toBe(7)
})

test('a caller for all tenants is counted for each of them', () => {
  const platform = service('platform')
  expect([spree('data', platform, 'acme'), spree('data', platform, 'neighbour')]).toEqual([20, 20])
  expect(spree('data', service('one', 'acme'))).toBe(10)
})

test('an operator has the limit of a caller', () => {
  const operator: Caller = { kind: 'api-key', id: 'op', role: 'operator', tenantId: undefined }
  expect(spree('management', operator, undefined)).toBe(50)
})

test('a refusal says in whole seconds when to come back, in the words of the original', () => {
  const caller = service('one', 'acme')
  spree('tier-2', caller)
  nowMs += 1
  expect(refuse('tier-2', { caller, tenantId: 'acme' })).toMatchObject({
    code: 'HTTP-429',
    message: 'You need to wait 6 seconds until limit is lifted.',
    details: { retryAfterSeconds: '6' },
  })
  nowMs += 6_000
  expect(refuse('tier-2', { caller, tenantId: 'acme' })).toBeUndefined()
  spree('data', caller)
  expect(refuse('data', { caller, tenantId: 'acme' })?.details).toEqual({ retryAfterSeconds: '1' })
})

test('replicas share a limit by their number, from the moment that it changes', () => {
  replicas = 4
  expect(spree('tier-2', service('one', 'acme'))).toBe(25)
  replicas = 2
  nowMs += 60_000
  expect(spree('tier-2', service('one', 'acme'))).toBe(50)
})

test('0 is no limit', () => {
  refuse = create({
    perCaller: { 'tier-1': 0, 'tier-2': 0, management: 0, data: 0, 'kill-switch': 0 },
    perTenant: { management: 0, data: 0 },
  })
  for (const limit of ['tier-1', 'tier-2', 'management', 'data'] as const)
    expect(spree(limit, service('one', 'acme'))).toBe(5_000)
  expect(refused).toEqual([])
})

test('nobody else, and no other request, uses up what an admin may send to the kill switch', () => {
  const admin = service('admin', 'acme')
  expect(spree('management', admin)).toBe(50)
  for (const other of ['two', 'three']) spree('management', service(other, 'acme'))
  expect(spree('management', service('four', 'acme'))).toBe(0)
  expect(spree('kill-switch', service('four', 'acme'))).toBe(10)
  expect(spree('kill-switch', admin)).toBe(10)
  expect(refused.at(-1)).toBe('kill-switch caller')
})

test('an issuer may give one name in two tenants, and nobody can take the name of a service for all', () => {
  const issued = (id: string, tenantId?: string): Caller => ({ ...service(id, tenantId), kind: 'jwt' })
  const one = issued('https://issuer.example#svc', 'acme')
  expect([spree('data', one), spree('data', { ...one, tenantId: 'other' })]).toEqual([20, 20])
  const all = issued('https://issuer.example#all')
  expect(spree('tier-2', issued('https://issuer.example#all/acme', 'acme'))).toBe(100)
  expect(spree('tier-2', all, 'acme')).toBe(20)
})

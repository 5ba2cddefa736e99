// The budget: what an account, a tenant and a priority may take, when, and what is owed.
import { beforeEach, expect, test } from 'vitest'
import { createKmsBudget, type KmsBudget, type Spender } from '../../src/kms/kms-budget.ts'

let nowMs: number
let budget: KmsBudget
beforeEach(() => {
  nowMs = 1_000
  budget = create(100)
})

const create = (requestsPerSecond: number, tenantSharePercent = 40, decryptReservePercent = 50) =>
  createKmsBudget({ requestsPerSecond, tenantSharePercent, decryptReservePercent, clock: () => nowMs })
const spender = (changes: Partial<Spender> = {}): Spender => ({
  payer: 'keyhold',
  region: 'eu-west-1',
  tenantId: 'a',
  priority: 'decrypt',
  ...changes,
})
const emptiedFor = (changes: Partial<Spender> = {}) => {
  const admission = budget.take(spender(changes))
  return 'emptied' in admission ? admission.emptied : undefined
}
/** How many calls are let go at this moment. */
function spree(changes: Partial<Spender> = {}): number {
  let taken = 0
  while (taken < 10_000 && emptiedFor(changes) === undefined) taken += 1
  return taken
}

test('a tenant takes its share of a second, and another one finds its own untouched', () => {
  expect([spree(), emptiedFor()]).toEqual([40, 'tenant'])
  expect(spree({ tenantId: 'b' })).toBe(40)
  expect([spree({ tenantId: 'c' }), emptiedFor({ tenantId: 'd' })]).toEqual([20, 'account'])
  expect(spree({ region: 'eu-west-3', tenantId: 'd' })).toBe(40)
  expect(spree({ payer: '222222222222', tenantId: 'd' })).toBe(40)
})

test('what has been taken comes back with time, up to a second’s worth, and the answer says when', () => {
  budget = create(100, 100)
  expect(spree()).toBe(100)
  const { waitMs } = budget.take(spender())
  expect(waitMs).toBe(10)
  nowMs += waitMs
  expect(spree()).toBe(1)
  nowMs += 250
  expect(spree()).toBe(25)
  nowMs += 60_000
  expect(spree()).toBe(100)
})

test('making keys leaves half to opening them, and tries leave half of the rest, of the account and of the tenant', () => {
  budget = create(1_000)
  expect([spree({ priority: 'try' }), spree({ priority: 'generate' }), spree()]).toEqual([100, 100, 200])
  nowMs += 1_000
  // Of the account: no more than 250 and 500 of its 1,000, whoever asks.
  const ofMany = (priority: Spender['priority']) =>
    ['b', 'c', 'd', 'e', 'f', 'g'].reduce((sum, tenantId) => sum + spree({ tenantId, priority }), 0)
  expect([ofMany('try'), ofMany('generate'), ofMany('decrypt')]).toEqual([250, 250, 500])
  nowMs += 100
  expect([emptiedFor({ priority: 'generate' }), emptiedFor()]).toEqual(['account', undefined])
})

test('replicas share the budget by their number, from the moment that it changes', () => {
  let replicas = 4
  const options = { requestsPerSecond: 100, tenantSharePercent: 50, decryptReservePercent: 50 }
  budget = createKmsBudget({ ...options, replicas: () => replicas, clock: () => nowMs })
  expect([spree({ tenantId: 'a' }), spree({ tenantId: 'b' })]).toEqual([12, 12])
  nowMs += 100
  // One is left, and 2.5 have come back.
  expect(spree({ tenantId: 'c' })).toBe(3)
  replicas = 1
  nowMs += 1_000
  expect([spree({ tenantId: 'a' }), spree({ tenantId: 'b' })]).toEqual([50, 50])
  replicas = 10
  expect(budget.take(spender({ tenantId: 'c' }))).toEqual({ waitMs: 100, emptied: 'account' })
})

test('what the SDK sent besides is owed, but no more than for a second', () => {
  budget = create(100, 100)
  budget.charge(spender(), 30)
  expect(spree()).toBe(70)
  budget.charge(spender(), 1_000)
  nowMs += 1_000
  expect(spree()).toBe(0)
  nowMs += 10
  expect(spree()).toBe(1)
})

test('the smallest budget lets everything through some time, and none lets everything through at once', () => {
  budget = create(1, 1, 90)
  expect([emptiedFor({ priority: 'try' }), emptiedFor({ priority: 'try' })]).toEqual([undefined, 'account'])
  nowMs += 1_000
  expect(emptiedFor({ priority: 'try' })).toBe('tenant')
  nowMs += 99_000
  expect(emptiedFor({ priority: 'generate' })).toBeUndefined()
  budget = create(0)
  expect(spree()).toBe(10_000)
})

test('tenants that come and go take no room, and those who have spent theirs are not forgotten for them', () => {
  budget = create(1_000_000, 1)
  expect(spree()).toBe(10_000)
  for (let index = 0; index < 12_000; index++) {
    emptiedFor({ tenantId: `t-${index}` })
    nowMs += 0.05
  }
  expect(spree()).toBeLessThan(10_000)
})

// So much at a time and no more, as the budget allows, the urgent first, tenants in turn; who gives up waiting takes
// nobody's place.
import { expect, test } from 'vitest'
import type { Admission, KmsPriority } from '../../src/kms/kms-budget.ts'
import { createTurns, type Turn, type Turns } from '../../src/kms/turns.ts'

const patient = new AbortController().signal
const turnOf = (tenantId: string, priority: KmsPriority = 'decrypt', payer = 'keyhold'): Turn => ({
  tenantId,
  priority,
  payer,
})

/** Begins actions that end on demand, and tells which have begun. */
function begin(inTurn: Turns, names: string[], turn: (name: string) => Turn = () => turnOf('one')) {
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<string>>()
  const actions = names.map((name) => {
    const end = Promise.withResolvers<string>()
    ends.set(name, end)
    const action = () => {
      begun.push(name)
      return end.promise
    }
    return inTurn(turn(name), action, patient)
  })
  const end = async (name: string) => {
    ends.get(name)?.resolve(name)
    await new Promise(setImmediate)
  }
  const fail = async (name: string) => {
    ends.get(name)?.reject(new Error(name))
    await new Promise(setImmediate)
  }
  return { begun, actions, end, fail }
}

test('only so many run at a time, and the next one is who came first', async () => {
  const { begun, actions, end } = begin(createTurns({ maxAtOnce: 2 }), ['a', 'b', 'c', 'd', 'e'])
  expect(begun).toEqual(['a', 'b'])
  await end('b')
  expect(begun).toEqual(['a', 'b', 'c'])
  await end('a')
  await end('c')
  expect(begun).toEqual(['a', 'b', 'c', 'd', 'e'])
  await end('d')
  await end('e')
  expect(await Promise.all(actions)).toEqual(['a', 'b', 'c', 'd', 'e'])
})

test('one that fails makes room as well, and all the room is there again afterwards', async () => {
  const inTurn = createTurns({ maxAtOnce: 1 })
  const { actions, fail, end, begun } = begin(inTurn, ['a', 'b'])
  const failed = expect(actions[0]).rejects.toThrow('a')
  await fail('a')
  await failed
  expect(begun).toEqual(['a', 'b'])
  await end('b')
  expect(begin(inTurn, ['c', 'd']).begun).toEqual(['c'])
})

test('who gives up is not begun, and the one behind moves up', async () => {
  const waits: unknown[] = []
  const inTurn = createTurns({ maxAtOnce: 1, onWaited: ({ tenantId }, how) => waits.push([tenantId, how]) })
  const { end } = begin(inTurn, ['a'])
  const givingUp = new AbortController()
  let isBegun = false
  const impatient = inTurn(turnOf('one'), () => Promise.resolve((isBegun = true)), givingUp.signal)
  const behind = begin(inTurn, ['c'], () => turnOf('two'))
  givingUp.abort(new Error('enough'))
  await expect(impatient).rejects.toThrow('enough')
  await end('a')
  expect([isBegun, behind.begun]).toEqual([false, ['c']])
  expect(waits).toEqual([
    ['one', 'gave-up'],
    ['two', 'began'],
  ])
  await expect(inTurn(turnOf('one'), () => Promise.resolve(), givingUp.signal)).rejects.toThrow('enough')
})

test('the burst of one tenant is passed by whoever comes behind it', async () => {
  const names = ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'b2']
  const { begun, end } = begin(createTurns({ maxAtOnce: 1 }), names, (name) => turnOf(name.charAt(0)))
  for (let ended = 0; ended < names.length; ended++) await end(begun[ended] ?? '')
  expect(begun).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'b2', 'a4'])
})

test('the urgent goes before what came earlier', async () => {
  const priorities: Record<string, KmsPriority> = { t: 'try', g: 'generate', d: 'decrypt' }
  const names = ['t1', 't2', 'g1', 'd1', 'd2']
  const { begun, end } = begin(createTurns({ maxAtOnce: 1 }), names, (name) =>
    turnOf('one', priorities[name.charAt(0)]),
  )
  for (let ended = 0; ended < names.length; ended++) await end(begun[ended] ?? '')
  expect(begun).toEqual(['t1', 'd1', 'd2', 'g1', 't2'])
})

/** A budget with so many calls for each tenant of `allowed`, and none for others. */
function budgetOf(allowed: Record<string, number>, emptied: 'account' | 'tenant' = 'tenant') {
  return ({ tenantId }: Turn): Admission => {
    const left = allowed[tenantId] ?? 0
    if (left <= 0) return { waitMs: 5, emptied }
    allowed[tenantId] = left - 1
    return { waitMs: 0 }
  }
}

test('a tenant that has spent its budget waits, and another one does not wait with it', async () => {
  const allowed = { a: 1, b: 2 }
  const inTurn = createTurns({ maxAtOnce: 40, admit: budgetOf(allowed) })
  const { begun } = begin(inTurn, ['a1', 'a2', 'a3', 'b1', 'b2'], (name) => turnOf(name.charAt(0)))
  await new Promise(setImmediate)
  expect(begun).toEqual(['a1', 'b1', 'b2'])
  allowed.a = 1
  await expect.poll(() => begun).toEqual(['a1', 'b1', 'b2', 'a2'])
  allowed.a = 1
  await expect.poll(() => begun).toEqual(['a1', 'b1', 'b2', 'a2', 'a3'])
})

test('an account that has spent its budget holds up nobody else’s', async () => {
  const admit = ({ payer }: Turn): Admission =>
    payer === 'keyhold' ? { waitMs: 5, emptied: 'account' } : { waitMs: 0 }
  const inTurn = createTurns({ maxAtOnce: 40, admit, budgetWaitMs: 50 })
  const held = begin(inTurn, ['a1', 'b1'], (name) => turnOf(name.charAt(0)))
  const other = begin(inTurn, ['c1'], () => turnOf('c', 'try', '222222222222'))
  await new Promise(setImmediate)
  expect([held.begun, other.begun]).toEqual([[], ['c1']])
  await expect(Promise.allSettled(held.actions)).resolves.toMatchObject([
    { reason: { code: 'ERR_KMS_BUDGET' } },
    { reason: { code: 'ERR_KMS_BUDGET' } },
  ])
})

test('a call that the budget does not allow in time fails, and the room that it never took is free', async () => {
  const waits: unknown[] = []
  const inTurn = createTurns({
    maxAtOnce: 1,
    admit: budgetOf({ b: 2 }),
    budgetWaitMs: 20,
    onWaited: ({ tenantId }, how) => waits.push([tenantId, how]),
  })
  let isBegun = false
  const refused = inTurn(turnOf('a'), () => Promise.resolve((isBegun = true)), patient)
  await expect(refused).rejects.toMatchObject({ code: 'ERR_KMS_BUDGET' })
  expect([isBegun, waits]).toEqual([false, [['a', 'refused']]])
  const { begun, end } = begin(inTurn, ['b1', 'b2'], () => turnOf('b'))
  await end('b1')
  expect(begun).toEqual(['b1', 'b2'])
})

test('what waits for room is not refused for want of budget', async () => {
  const inTurn = createTurns({ maxAtOnce: 1, budgetWaitMs: 10 })
  const { begun, end } = begin(inTurn, ['a', 'b'])
  await new Promise((resolve) => setTimeout(resolve, 40))
  await end('a')
  expect(begun).toEqual(['a', 'b'])
})

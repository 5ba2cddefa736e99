// So much at a time and no more, first come, first served; who gives up waiting takes nobody's place.
import { expect, test } from 'vitest'
import { createTurns, type Turns } from '../../src/kms/turns.ts'

const patient = new AbortController().signal

/** Begins actions that end on demand, and tells which have begun. */
function begin(inTurn: Turns, names: string[]) {
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<string>>()
  const actions = names.map((name) => {
    const end = Promise.withResolvers<string>()
    ends.set(name, end)
    return inTurn(() => {
      begun.push(name)
      return end.promise
    }, patient)
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
  const { begun, actions, end } = begin(createTurns(2), ['a', 'b', 'c', 'd', 'e'])
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
  const inTurn = createTurns(1)
  const { actions, fail, end, begun } = begin(inTurn, ['a', 'b'])
  const failed = expect(actions[0]).rejects.toThrow('a')
  await fail('a')
  await failed
  expect(begun).toEqual(['a', 'b'])
  await end('b')
  expect(begin(inTurn, ['c', 'd']).begun).toEqual(['c'])
})

test('who gives up is not begun, and the one behind moves up', async () => {
  const inTurn = createTurns(1)
  const { end } = begin(inTurn, ['a'])
  const givingUp = new AbortController()
  let isBegun = false
  const impatient = inTurn(() => Promise.resolve((isBegun = true)), givingUp.signal)
  const behind = begin(inTurn, ['c'])
  givingUp.abort(new Error('enough'))
  await expect(impatient).rejects.toThrow('enough')
  await end('a')
  expect([isBegun, behind.begun]).toEqual([false, ['c']])
  await expect(inTurn(() => Promise.resolve(), givingUp.signal)).rejects.toThrow('enough')
})

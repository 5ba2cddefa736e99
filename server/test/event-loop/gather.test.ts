// Callers that ask one by one, and are answered together.
import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { gather } from '../../src/event-loop/gather.ts'

/** The questions of each query, and a gate that holds answers back. */
function recorded(answer: (key: number) => number | Error = (key) => key * 2) {
  const queries: { tenantId: string; keys: number[] }[] = []
  let gate = Promise.resolve()
  return {
    queries,
    hold: () => {
      const { promise, resolve } = Promise.withResolvers<undefined>()
      gate = promise.then(() => undefined)
      return () => {
        gate = Promise.resolve()
        resolve(undefined)
      }
    },
    ask: gather<number, number>(async (tenantId, keys) => {
      queries.push({ tenantId, keys })
      await gate
      return keys.map(answer)
    }),
  }
}

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

test('what is asked for in one turn goes in one query, in order, and each gets its own answer', async () => {
  const { ask, queries } = recorded()
  expect(await Promise.all(upTo(100).map((key) => ask('a', key)))).toEqual(upTo(100).map((key) => key * 2))
  expect(queries).toEqual([{ tenantId: 'a', keys: upTo(100) }])
})

test('whoever comes during a query goes with the next one, and never gets what was read before', async () => {
  const { ask, queries, hold } = recorded()
  const release = hold()
  const first = ask('a', 1)
  await setImmediate()
  const others = [ask('a', 1), ask('a', 2)]
  await setImmediate()
  expect(queries).toHaveLength(1)
  release()
  expect(await Promise.all([first, ...others])).toEqual([2, 2, 4])
  expect(queries.map(({ keys }) => keys)).toEqual([[1], [1, 2]])
})

test('tenants do not wait for each other', async () => {
  const { ask, queries, hold } = recorded()
  const release = hold()
  const slow = ask('a', 1)
  await setImmediate()
  release()
  expect(await ask('b', 1)).toBe(2)
  expect(await slow).toBe(2)
  expect(queries.map(({ tenantId }) => tenantId)).toEqual(['a', 'b'])
})

test('a query has a thousand keys at most', async () => {
  const { ask, queries } = recorded()
  await Promise.all(upTo(2_500).map((key) => ask('a', key)))
  expect(queries.map(({ keys }) => keys.length)).toEqual([1_000, 1_000, 500])
})

test('an error among the answers concerns its key alone', async () => {
  const { ask } = recorded((key) => (key === 1 ? new Error('this one') : key))
  const outcomes = await Promise.allSettled([ask('a', 0), ask('a', 1), ask('a', 2)])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

test('a query that fails fails for all who asked, and the next one is tried', async () => {
  let calls = 0
  const ask = gather<number, number>((_tenantId, keys) => {
    calls++
    return calls === 1 ? Promise.reject(new Error('away')) : Promise.resolve(keys)
  })
  const outcomes = await Promise.allSettled([ask('a', 1), ask('a', 2)])
  expect(outcomes).toEqual([
    { status: 'rejected', reason: new Error('away') },
    { status: 'rejected', reason: new Error('away') },
  ])
  expect(await ask('a', 3)).toBe(3)
})

test('the answers of a large query do not hold the event loop for all that callers do with them', async () => {
  const { ask } = recorded()
  const counting = { turns: 0, isDone: false }
  const others = (async () => {
    while (!counting.isDone) {
      await setImmediate()
      counting.turns++
    }
  })()
  await Promise.all(upTo(1_000).map((key) => ask('a', key)))
  counting.isDone = true
  await others
  expect(counting.turns).toBeGreaterThan(20)
})

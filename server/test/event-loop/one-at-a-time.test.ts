// Long questions of a tenant: one at a time, and nobody gets an answer that was begun before the question.
import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { oneAtATime } from '../../src/event-loop/one-at-a-time.ts'

const refusal = () => new Error('too long')

/** Answers with the number of the run; a run ends when `finish` says so. */
function recorded(maxWaitMs?: number) {
  const runs: { asked: string; finish: (error?: Error) => void }[] = []
  const ask = oneAtATime(
    (tenantId, question) => {
      const { promise, resolve, reject } = Promise.withResolvers<number>()
      const run = runs.length + 1
      runs.push({
        asked: `${tenantId}/${question}`,
        finish: (error) => {
          if (error === undefined) resolve(run)
          else reject(error)
        },
      })
      return promise
    },
    refusal,
    maxWaitMs,
  )
  return { runs, ask }
}

const settle = () => new Promise((resolve) => setImmediate(resolve))

test('who asks while an answer is being made shares the next one with all who ask the same', async () => {
  const { runs, ask } = recorded()
  const first = ask('a', 'x')
  await settle()
  const later = [ask('a', 'x'), ask('a', 'x'), ask('a', 'x')]
  await settle()
  expect(runs).toHaveLength(1)

  runs[0]?.finish()
  await settle()
  runs[1]?.finish()
  expect(await first).toBe(1)
  expect(await Promise.all(later)).toEqual([2, 2, 2])
  expect(runs).toHaveLength(2)
})

test('other questions of a tenant wait, and other tenants do not', async () => {
  const { runs, ask } = recorded()
  const all = [ask('a', 'x'), ask('a', 'y'), ask('b', 'x')]
  await settle()
  expect(runs.map(({ asked }) => asked)).toEqual(['a/x', 'b/x'])
  for (let index = 0; index < 3; index++) {
    runs[index]?.finish()
    await settle()
  }
  expect(await Promise.all(all)).toEqual([1, 3, 2])
})

test('a failure is the answer to its question alone', async () => {
  const { runs, ask } = recorded()
  const fails = expect(ask('a', 'x')).rejects.toThrow('not today')
  const works = ask('a', 'y')
  await settle()
  runs[0]?.finish(new Error('not today'))
  await settle()
  runs[1]?.finish()
  await fails
  expect(await works).toBe(2)
})

test('who waits for a turn for too long is refused, and nothing is answered for nobody', async () => {
  const { runs, ask } = recorded(20)
  const first = ask('a', 'x')
  await settle()
  const late = [ask('a', 'x'), ask('a', 'y')].map((asked) => expect(asked).rejects.toThrow('too long'))
  await Promise.all(late)
  const last = ask('a', 'z')
  runs[0]?.finish()
  await settle()
  // An answer that was begun is waited for, however long it takes.
  expect(await first).toBe(1)
  await setTimeout(40)
  expect(runs.map(({ asked }) => asked)).toEqual(['a/x', 'a/z'])
  runs[1]?.finish()
  expect(await last).toBe(2)
})

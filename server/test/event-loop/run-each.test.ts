// Due work, one by one: what fails stops nobody, and what never failed comes first.
import { expect, test } from 'vitest'
import { createFailurePauses } from '../../src/event-loop/failure-pauses.ts'
import { createRunEach } from '../../src/event-loop/run-each.ts'

interface Due {
  id: number
  tenantId: string
}

const dueOf = (tenants: readonly string[]): Due[] => tenants.map((tenantId, id) => ({ id, tenantId }))

function setUp({ budgetMs = 10_000, signal = new AbortController().signal } = {}) {
  const time = { nowMs: 0 }
  const clock = () => time.nowMs
  const failed: string[] = []
  const pauses = createFailurePauses({ firstMs: 1_000, maxMs: 8_000, clock })
  const runEach = createRunEach({ pauses, budgetMs, signal, clock, onFailed: (name) => failed.push(name) })
  /** Two to a page; answers which were begun. */
  async function sweep(due: readonly Due[], run: (item: Due) => Promise<void> = () => Promise.resolve()) {
    const begun: number[] = []
    await runEach(
      (after: Due | undefined) => {
        const from = after === undefined ? 0 : after.id + 1
        return Promise.resolve(due.slice(from, from + 2))
      },
      ({ tenantId }) => tenantId,
      (item) => {
        begun.push(item.id)
        return run(item)
      },
    )
    return begun
  }
  return { time, failed, sweep }
}

const refuse =
  (...tenants: string[]) =>
  ({ tenantId }: Due) =>
    tenants.includes(tenantId) ? Promise.reject(new Error('stuck')) : Promise.resolve()

test('one that fails at the head stops nothing behind it, over all pages', async () => {
  const { sweep, failed } = setUp()
  expect(await sweep(dueOf(['a', 'b', 'c', 'd', 'e']), refuse('a', 'c'))).toEqual([0, 1, 2, 3, 4])
  expect(failed).toEqual(['a', 'c'])
})

test('what failed is left alone, all of its tenant, and then comes after what never failed', async () => {
  const { sweep, time } = setUp()
  await sweep(dueOf(['a']), refuse('a'))
  expect(await sweep(dueOf(['a', 'b', 'a', 'c']))).toEqual([1, 3])
  time.nowMs = 1_000
  expect(await sweep(dueOf(['a', 'b', 'a', 'c']))).toEqual([1, 3, 0, 2])
  // It went well, so that it is like the others again.
  expect(await sweep(dueOf(['a', 'b']))).toEqual([0, 1])
})

test('many that stand still take the time of one sweep, and never the place of others in the next', async () => {
  const { sweep, time } = setUp()
  const stuck = Array.from({ length: 100 }, (_, index) => `stuck ${index}`)
  const run = ({ tenantId }: Due) => {
    if (!tenantId.startsWith('stuck')) return Promise.resolve()
    time.nowMs += 5_000
    return Promise.reject(new Error('lock timeout'))
  }
  const begun = new Set<number>()
  // Two of the stuck ones fill the budget of a sweep. After fifty sweeps each has failed once, and the last one is done.
  for (let sweeps = 0; sweeps < 51; sweeps++)
    for (const id of await sweep(dueOf([...stuck, 'well']), run)) begun.add(id)
  expect(begun.has(100)).toBe(true)
  // From now on it comes at once, though the pauses of all others are over.
  time.nowMs += 60_000
  expect((await sweep(dueOf([...stuck, 'well']), run))[0]).toBe(100)
})

test('a stop begins nothing more', async () => {
  const stopping = new AbortController()
  const { sweep } = setUp({ signal: stopping.signal })
  const begun = await sweep(dueOf(['a', 'b', 'c']), () => {
    stopping.abort()
    return Promise.resolve()
  })
  expect(begun).toEqual([0])
})

test('pauses double up to their limit, and the number of remembered names is bounded', () => {
  let nowMs = 0
  const pauses = createFailurePauses({ firstMs: 1_000, maxMs: 3_000, clock: () => nowMs, maxNames: 2 })
  for (const [failures, pauseMs] of [1_000, 2_000, 3_000, 3_000].entries()) {
    pauses.failed('a')
    nowMs += pauseMs - 1
    expect([failures, pauses.isPaused('a')]).toEqual([failures, true])
    nowMs += 1
    expect([failures, pauses.isPaused('a')]).toEqual([failures, false])
  }
  pauses.failed('b')
  pauses.failed('c')
  expect(['a', 'b', 'c'].map((name) => pauses.hasFailed(name))).toEqual([false, true, true])
})

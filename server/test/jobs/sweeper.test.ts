// Sweeps: one after the other, part by part, and nothing that fails or stands still takes another's place.
import { afterEach, expect, test } from 'vitest'
import { startSweeper, type SweepPart, type Sweeper } from '../../src/jobs/sweeper.ts'

let sweeper: Sweeper | undefined
afterEach(() => sweeper?.stop())

interface Options {
  pauseMs?: number
  clock?: () => number
}

function start(parts: SweepPart[], { pauseMs = 3_600_000, clock = () => 0 }: Options = {}) {
  const errors: string[] = []
  sweeper = startSweeper({
    parts,
    pauseMs,
    clock,
    onError: (part, error) => errors.push(`${part}: ${String(error)}`),
  })
  return { sweeper, errors }
}

/** A part that counts its runs. */
function counted(name: string, everyMs = 0) {
  let runs = 0
  const run = () => {
    runs++
    return Promise.resolve()
  }
  return { part: { name, everyMs, run }, runs: () => runs }
}

/** A part that stands still until it is let go. */
function standing() {
  const gate = Promise.withResolvers<undefined>()
  const part = {
    name: 'standing',
    runs: 0,
    run: async () => {
      part.runs++
      await gate.promise
    },
  }
  return {
    part,
    letGo: () => {
      gate.resolve(undefined)
    },
  }
}

test('however long a sweep takes, one begins after it, and all who asked meanwhile share that one', async () => {
  const { part, letGo } = standing()
  const { sweeper } = start([part], { pauseMs: 1 })
  const asked = Array.from({ length: 200 }, () => sweeper.sweep())
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(part.runs).toBe(1)
  letGo()
  await Promise.all(asked)
  await sweeper.stop()
  // The first one, that of all who asked, and at most one that began by itself.
  expect(part.runs).toBeGreaterThanOrEqual(2)
  expect(part.runs).toBeLessThanOrEqual(3)
})

test('a sweep that was asked for begins after the question', async () => {
  let due = 0
  const seen: number[] = []
  const { sweeper } = start([{ name: 'looks', run: () => Promise.resolve(void seen.push(due)) }])
  due = 1
  await sweeper.sweep()
  expect(seen.at(-1)).toBe(1)
})

test('a part that fails is told of and left alone for longer each time, and the parts after it run', async () => {
  let nowMs = 0
  let tries = 0
  const other = counted('other')
  const failing = {
    name: 'failing',
    run: () => {
      tries++
      return Promise.reject(new Error('no'))
    },
  }
  const { sweeper, errors } = start([failing, other.part], {
    pauseMs: 1_000,
    clock: () => nowMs,
  })
  await sweeper.sweep()
  expect([tries, other.runs()]).toEqual([1, 2])
  expect(errors).toEqual(['failing: Error: no'])
  const triesAt = async (atMs: number) => {
    nowMs = atMs
    await sweeper.sweep()
    return tries
  }
  // It failed at 0 and is tried at 1,000, 3,000 and 7,000.
  expect([await triesAt(999), await triesAt(1_000), await triesAt(2_999), await triesAt(3_000)]).toEqual([
    1, 2, 2, 3,
  ])
  expect([await triesAt(6_999), await triesAt(7_000)]).toEqual([3, 4])
})

test('a part with a time of its own runs no more often', async () => {
  let nowMs = 0
  const seldom = counted('seldom', 60_000)
  const { sweeper } = start([seldom.part], { clock: () => nowMs })
  await sweeper.sweep()
  nowMs = 59_999
  await sweeper.sweep()
  expect(seldom.runs()).toBe(1)
  nowMs = 60_000
  await sweeper.sweep()
  expect(seldom.runs()).toBe(2)
})

test('a stop waits for the part at hand and begins no other', async () => {
  const { part, letGo } = standing()
  const other = counted('other')
  const { sweeper } = start([part, other.part])
  const asked = sweeper.sweep()
  let isStopped = false
  const stopped = sweeper.stop().then(() => (isStopped = true))
  await new Promise((resolve) => setImmediate(resolve))
  expect(isStopped).toBe(false)
  letGo()
  await stopped
  await asked
  expect([part.runs, other.runs()]).toEqual([1, 0])
})

// The budget of key jobs: how many rows, in how large pieces, and less beside traffic that suffers.
import { describe, expect, test } from 'vitest'
import { createPacer, type Pacer } from '../../src/migration/engine/pacer.ts'
import { createTrafficGauge, type Traffic } from '../../src/migration/engine/traffic-gauge.ts'

const clock = () => performance.now()
const unlimited = { maxRowsPerSecond: 0, timeSharePercent: 100, yields: true, threads: 2, clock }
const gaugeOf = (traffic: Traffic) => ({ observe: () => undefined, read: () => traffic })

const { signal } = new AbortController()

test('alone, chunks are long and several at a time; beside traffic short and one at a time, unless told otherwise', async () => {
  const alone = createPacer({ ...unlimited, gauge: gaugeOf('none') })
  expect([(await alone.turn(signal))?.rows, alone.depth()]).toEqual([1_000, 3])
  const beside = createPacer({ ...unlimited, gauge: gaugeOf('calm') })
  expect([(await beside.turn(signal))?.rows, beside.depth()]).toEqual([50, 1])
  const heedless = createPacer({ ...unlimited, yields: false, gauge: gaugeOf('strained') })
  expect([(await heedless.turn(signal))?.rows, heedless.depth()]).toEqual([1_000, 3])
  const shared = createPacer({ ...unlimited, timeSharePercent: 99, gauge: gaugeOf('none') })
  expect(shared.depth()).toBe(1)
})

describe('in a time of its own', () => {
  let nowMs = 0
  const ownTime = {
    clock: () => nowMs,
    wait: (milliseconds: number) => {
      nowMs += milliseconds
      return Promise.resolve()
    },
    gauge: gaugeOf('none'),
  }

  /** Takes so many turns of so many milliseconds each, and answers how long it took until the next one. */
  async function work(pacer: Pacer, turns: number, turnMs: number): Promise<number> {
    const startMs = nowMs
    for (let count = 0; count < turns; count++) {
      const turn = await pacer.turn(signal)
      nowMs += turnMs
      turn?.done(turn.rows)
    }
    await pacer.turn(signal)
    return nowMs - startMs
  }

  test('rows beyond the limit wait', async () => {
    const pacer = createPacer({ ...unlimited, ...ownTime, maxRowsPerSecond: 1_000 })
    expect(await work(pacer, 20, 0)).toBe(5_000)
  })

  test.each([
    { timeSharePercent: 1, turnMs: 300 },
    { timeSharePercent: 5, turnMs: 2_000 },
    { timeSharePercent: 50, turnMs: 20 },
    { timeSharePercent: 90, turnMs: 100 },
  ])('$timeSharePercent % of the time with turns of $turnMs ms', async ({ timeSharePercent, turnMs }) => {
    const pacer = createPacer({ ...unlimited, ...ownTime, timeSharePercent })
    expect((10 * turnMs) / (await work(pacer, 10, turnMs))).toBeCloseTo(timeSharePercent / 100)
  })

  test('beside strained traffic it pauses, and never for more than two seconds', async () => {
    const pacer = createPacer({ ...unlimited, ...ownTime, gauge: gaugeOf('strained') })
    expect(await work(pacer, 1, 100)).toBeGreaterThanOrEqual(500)
    expect(await work(pacer, 1, 60_000)).toBe(62_000)
  })

  test('jobs share it: what each of two takes counts for both', async () => {
    const pacer = createPacer({ ...unlimited, ...ownTime, timeSharePercent: 20 })
    const turns = [await pacer.turn(signal), await pacer.turn(signal)]
    nowMs += 100
    for (const turn of turns) turn?.done(1)
    const startMs = nowMs
    await pacer.turn(signal)
    expect(nowMs - startMs).toBe(800)
  })
})

test('whoever gives up waits no longer, and those behind it wait on', async () => {
  let nowMs = 0
  const waits: number[] = []
  const go = Promise.withResolvers<undefined>()
  const pacer = createPacer({
    ...unlimited,
    timeSharePercent: 1,
    gauge: gaugeOf('none'),
    clock: () => nowMs,
    wait: (milliseconds, { aborted }) => {
      waits.push(milliseconds)
      return aborted ? Promise.reject(new Error('aborted')) : go.promise
    },
  })
  const turn = await pacer.turn(signal)
  nowMs += 1_000
  turn?.done(1)
  const stopping = new AbortController()
  const first = pacer.turn(signal)
  const waiting = [pacer.turn(stopping.signal), pacer.turn(stopping.signal)]
  const last = pacer.turn(signal)
  stopping.abort()
  expect(await Promise.all(waiting)).toEqual([undefined, undefined])
  expect(waits).toEqual([99_000])
  go.resolve(undefined)
  expect(await first).toBeDefined()
  expect(await last).toBeDefined()
  expect(waits).toEqual([99_000, 99_000])
})

test('a pause ends at once for whoever gives up', async () => {
  const pacer = createPacer({ ...unlimited, maxRowsPerSecond: 1, gauge: gaugeOf('none') })
  const turn = await pacer.turn(signal)
  turn?.done(3_600)
  const stopping = new AbortController()
  const waiting = pacer.turn(stopping.signal)
  setTimeout(() => {
    stopping.abort()
  }, 20)
  expect(await waiting).toBeUndefined()
  expect(await pacer.turn(stopping.signal)).toBeUndefined()
})

test('the gauge tells no traffic, calm traffic, and replies that take longer than without a key job', () => {
  let nowMs = 0
  const gauge = createTrafficGauge(() => nowMs)
  const read = (isWorking: boolean, replies: number, elapsedMs: number) => {
    for (let reply = 0; reply < replies; reply++) gauge.observe(elapsedMs)
    nowMs += 500
    return gauge.read(isWorking)
  }
  expect(read(false, 2, 100)).toBe('none')
  expect(read(false, 50, 4)).toBe('calm')
  expect(read(true, 50, 5)).toBe('calm')
  expect(read(true, 50, 20)).toBe('strained')
  expect(read(true, 50, 4)).toBe('calm')
  expect(read(true, 0, 0)).toBe('none')
})

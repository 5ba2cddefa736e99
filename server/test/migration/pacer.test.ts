// The budget of key jobs: how many rows, in how large pieces, and less beside traffic that suffers.
import { expect, test } from 'vitest'
import { createPacer } from '../../src/migration/pacer.ts'
import { createTrafficGauge, type Traffic } from '../../src/migration/traffic-gauge.ts'

const clock = () => performance.now()
const unlimited = { maxRowsPerSecond: 0, timeSharePercent: 100, yields: true, threads: 2, clock }
const gaugeOf = (traffic: Traffic) => ({ observe: () => undefined, read: () => traffic })

test('alone, chunks are long and several at a time; beside traffic short and one at a time, unless told otherwise', async () => {
  const alone = createPacer({ ...unlimited, gauge: gaugeOf('none') })
  expect([await alone.turn(), alone.depth()]).toEqual([1_000, 3])
  const beside = createPacer({ ...unlimited, gauge: gaugeOf('calm') })
  expect([await beside.turn(), beside.depth()]).toEqual([100, 1])
  const heedless = createPacer({ ...unlimited, yields: false, gauge: gaugeOf('strained') })
  expect([await heedless.turn(), heedless.depth()]).toEqual([1_000, 3])
})

test('rows beyond the limit wait', async () => {
  const pacer = createPacer({ ...unlimited, maxRowsPerSecond: 1_000, gauge: gaugeOf('none') })
  const rows = await pacer.turn()
  expect(rows).toBe(250)
  pacer.done(rows)
  const startMs = clock()
  await pacer.turn()
  expect(clock() - startMs).toBeGreaterThan(200)
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

// How many probes begin: a rate, a number at once, and shares of it.
import { expect, test } from 'vitest'
import { createProbePace } from '../../src/health/probe-pace.ts'
import { probeUrgencies, type ProbeUrgency } from '../../src/store/key-probes.ts'

function setUp(perSecond: number) {
  const time = { nowMs: 0 }
  const pace = createProbePace(
    () => perSecond,
    () => time.nowMs,
  )
  const begin = (urgency: ProbeUrgency, count: number) => {
    for (let began = 0; began < count; began++) pace.began(urgency)
  }
  return { pace, time, begin }
}

test('a quarter of a second is saved up at most, and then as many begin as the time allows', () => {
  const { pace, time, begin } = setUp(40)
  expect(pace.allowance().limit).toBe(10)
  begin('healthy', 10)
  for (let ended = 0; ended < 10; ended++) pace.ended('healthy')
  expect(pace.allowance().limit).toBe(0)
  time.nowMs += 50
  expect(pace.allowance().limit).toBe(2)
  time.nowMs += 60_000
  expect(pace.allowance().limit).toBe(10)
})

test.each(probeUrgencies)('keys that hang, however many, leave a quarter to the others: %s', (urgency) => {
  const { pace, begin } = setUp(1_000)
  const [share] = [pace.allowance().shares[urgency]]
  expect(share).toBeLessThanOrEqual(48)
  begin(urgency, share)
  const { limit, shares } = pace.allowance()
  expect(shares[urgency]).toBe(0)
  expect(limit).toBeGreaterThanOrEqual(16)
  for (const other of probeUrgencies) if (other !== urgency) expect(shares[other]).toBeGreaterThanOrEqual(16)
})

test('a small rate still probes every urgency', () => {
  const { pace } = setUp(1)
  expect(pace.allowance()).toEqual({ limit: 1, shares: { hastened: 1, unhealthy: 1, healthy: 1 } })
})

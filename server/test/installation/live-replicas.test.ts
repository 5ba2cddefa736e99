// The number of live replicas: it rises at once, and falls only when it is certain.
import { beforeEach, expect, test } from 'vitest'
import { createLiveReplicas, type LiveReplicas } from '../../src/installation/live-replicas.ts'

let nowMs: number
let live: LiveReplicas
beforeEach(() => {
  nowMs = 0
  live = createLiveReplicas({ beatMs: 2_000, goneMs: 8_000, clock: () => nowMs })
})

/** Looks every two seconds, and answers the count after each look. */
function looks(...others: number[]): number[] {
  return others.map((each) => {
    live.seen(each)
    nowMs += 2_000
    return live.count()
  })
}

test('a replica alone is one, and a new one counts with the first look', () => {
  expect(live.count()).toBe(1)
  expect(looks(0, 1, 3)).toEqual([1, 2, 4])
})

test('one that is missed twice counts as gone, when this one has looked all the while', () => {
  looks(2, 2, 2, 2, 2)
  expect(looks(1, 1, 0, 0)).toEqual([3, 2, 2, 1])
})

test('when the clock of the database steps, and all others seem gone until their next sign, nobody takes their share', () => {
  looks(2, 2, 2, 2, 2)
  expect(looks(0, 2, 0, 2)).toEqual([3, 3, 3, 3])
})

test('after a start the number does not fall before all others had time to show themselves', () => {
  expect(looks(3, 0, 0, 0, 0, 0)).toEqual([4, 4, 4, 4, 1, 1])
})

test('after an outage, in which all rows grow old, the first one that is back does not take everything', () => {
  looks(2, 2, 2, 2, 2)
  expect(live.count()).toBe(3)
  nowMs += 60_000
  expect(live.count()).toBe(3)
  expect(looks(0, 1, 2, 2, 2, 1, 1)).toEqual([3, 3, 3, 3, 3, 3, 2])
})

// Giving way to other key jobs: after five seconds of work, when others wait, and not before.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createStint } from '../../src/migration/engine/stint.ts'
import type { Store } from '../../src/store/store.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

let waiting = true
let looks = 0
const keyJobs = {
  existsUnled: () => {
    looks += 1
    return Promise.resolve(waiting)
  },
} as Partial<Store['keyJobs']> as Store['keyJobs']

async function isOverAfter(stint: ReturnType<typeof createStint>, milliseconds: number): Promise<boolean> {
  vi.advanceTimersByTime(milliseconds)
  await stint.look()
  return stint.isOver
}

test('it is over five seconds after the work began, whatever came before', async () => {
  const stint = createStint({ keyJobs })
  vi.advanceTimersByTime(60_000)
  stint.begin()
  expect(await isOverAfter(stint, 4_999)).toBe(false)
  expect(await isOverAfter(stint, 1)).toBe(true)
})

test('while nobody waits it is asked once a second; once it is over, that stays', async () => {
  const stint = createStint({ keyJobs })
  waiting = false
  stint.begin()
  looks = 0
  for (const [milliseconds, looked] of [
    [5_000, 1],
    [999, 1],
    [1, 2],
  ] as const) {
    expect(await isOverAfter(stint, milliseconds)).toBe(false)
    expect(looks).toBe(looked)
  }
  waiting = true
  expect(await isOverAfter(stint, 1_000)).toBe(true)
  waiting = false
  expect(await isOverAfter(stint, 1_000)).toBe(true)
})

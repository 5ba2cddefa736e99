// Long loops in slices: the answer is the same, and the event loop is not held.
import { setImmediate } from 'node:timers/promises'
import { expect, onTestFinished, test, vi } from 'vitest'
import { mapInSlices } from '../../src/event-loop/map-in-slices.ts'

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)

function takeMs(ms: number): void {
  const endMs = performance.now() + ms
  while (performance.now() < endMs);
}

test('what is short is answered at once, in order', () => {
  // The clock stands still: on a busy machine also the shortest loop may take long.
  vi.useFakeTimers({ toFake: ['performance'] })
  onTestFinished(() => {
    vi.useRealTimers()
  })
  expect(mapInSlices(upTo(100), (item, index) => `${item}/${index}`)).toEqual(
    upTo(100).map((item) => `${item}/${item}`),
  )
  expect(mapInSlices([], () => 1)).toEqual([])
})

test('what takes long gives way every few milliseconds, and each item is mapped once, in order', async () => {
  const mapped: number[] = []
  const counting = { turns: 0, isDone: false }
  const outcome = mapInSlices(upTo(50), (item, index) => {
    takeMs(1)
    mapped.push(index)
    return item * 2
  })
  expect(outcome).toBeInstanceOf(Promise)
  const others = (async () => {
    while (!counting.isDone) {
      await setImmediate()
      counting.turns++
    }
  })()
  expect(await outcome).toEqual(upTo(50).map((item) => item * 2))
  counting.isDone = true
  await others
  expect(mapped).toEqual(upTo(50))
  expect(counting.turns).toBeGreaterThan(5)
})

test('a last item that ends the slice needs no other turn', () => {
  expect(
    mapInSlices([1], () => {
      takeMs(10)
      return 'late'
    }),
  ).toEqual(['late'])
})

test.each(['first', 'later'])('an error in the %s slice is the caller’s', async (place) => {
  const work = async () =>
    mapInSlices(upTo(50), (item) => {
      takeMs(1)
      if (item === (place === 'first' ? 1 : 40)) throw new Error('this item')
      return item
    })
  await expect(work()).rejects.toThrow('this item')
})

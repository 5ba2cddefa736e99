import { expect, test } from 'vitest'
import { createSingleFlight, type Flight } from '../../src/event-loop/single-flight.ts'

/** A flight that ends when the test says so. */
function startFlights() {
  const flights = createSingleFlight<string>()
  const begun: { flight: Flight; end: (answer: string) => void; fail: (error: Error) => void }[] = []
  const ask = (name: string, group?: string) =>
    flights.share(
      name,
      (flight) =>
        new Promise((end, fail) => {
          begun.push({ flight, end, fail })
        }),
      group,
    )
  return { ask, begun, outdate: flights.outdate.bind(flights) }
}

test('callers share what is under way under a name, and begin anew once it has ended', async () => {
  const { ask, begun } = startFlights()
  const answers = [ask('a'), ask('b'), ask('a')]
  expect(begun).toHaveLength(2)
  begun[0]?.end('first')
  begun[1]?.end('other')
  expect(await Promise.all(answers)).toEqual(['first', 'other', 'first'])
  const later = ask('a')
  begun[2]?.end('second')
  expect(await later).toBe('second')
})

test('a failure is everyone’s who waits, and is not kept', async () => {
  const { ask, begun } = startFlights()
  const answers = Promise.allSettled([ask('a'), ask('a')])
  begun[0]?.fail(new Error('no'))
  expect((await answers).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  const later = ask('a')
  begun[1]?.end('yes')
  expect(await later).toBe('yes')
})

test('what is outdated serves those who asked before, and nobody else; its end does not end the next one', async () => {
  const { ask, begun, outdate } = startFlights()
  const before = ask('a', 'tenant-1')
  const elsewhere = ask('b', 'tenant-2')
  outdate('tenant-1')
  const after = ask('a', 'tenant-1')
  expect(begun.map(({ flight }) => flight.isOutdated)).toEqual([true, false, false])
  begun[0]?.end('old')
  expect(await before).toBe('old')
  const joined = ask('a', 'tenant-1')
  expect(begun).toHaveLength(3)
  begun[1]?.end('other')
  begun[2]?.end('new')
  expect(await Promise.all([elsewhere, after, joined])).toEqual(['other', 'new', 'new'])
})

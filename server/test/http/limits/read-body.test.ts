// The reading of one body ends once, whatever ends it.
import { PassThrough } from 'node:stream'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createBodyBudget } from '../../../src/http/bodies/body-budget.ts'
import { readBody } from '../../../src/http/bodies/read-body.ts'
import { watchArrival } from '../../../src/http/bodies/watch-arrival.ts'

test('a client that goes away while its body waits for room ends it once', () => {
  const payload = new PassThrough()
  const ends: unknown[] = []
  let refuse = (_error: Error): void => undefined
  const options = {
    announcedBytes: undefined,
    maxBytes: 100_000,
    admitLongest: (done: (error?: Error) => void) => {
      refuse = done
    },
    watch: () => () => undefined,
  }
  readBody(payload, options, (error) => ends.push((error as { code?: string } | null)?.code))
  payload.emit('data', Buffer.alloc(20_000))
  payload.emit('error', new Error('aborted'))
  refuse(new Error('nobody waits any more'))
  payload.emit('end')
  expect(ends).toEqual(['ERR_INVALID_REQUEST'])
})

test('a body of unknown length that is admitted is read as it came', async () => {
  const payload = new PassThrough()
  const sent = Array.from({ length: 5 }, (_, index) => Buffer.alloc(10_000, index))
  const watched: number[] = []
  const body = new Promise<unknown>((resolve) => {
    const options = {
      announcedBytes: undefined,
      maxBytes: 100_000,
      admitLongest: (done: () => void) => {
        setImmediate(done)
      },
      watch(bytes: number) {
        watched.push(bytes)
        return () => watched.push(0)
      },
    }
    readBody(payload, options, (error, read) => {
      resolve(error ?? read)
    })
  })
  for (const chunk of sent) payload.write(chunk)
  payload.end()
  expect(await body).toEqual(Buffer.concat(sent))
  expect(watched).toEqual([100_000, 0])
})

const mib = 1_048_576

/** A tenant's body that has begun to arrive, and what becomes of it. */
function begin(budget: ReturnType<typeof createBodyBudget>, share: string) {
  const giveBack = budget.enter({ share, bytes: 32 * mib })
  if (giveBack instanceof Promise) throw new Error('it waits')
  const payload = new PassThrough()
  const ends: unknown[] = []
  const options = {
    announcedBytes: 32 * mib,
    maxBytes: 32 * mib,
    admitLongest: () => undefined,
    watch: (bytes: number, expel: () => void) =>
      watchArrival(bytes, () => budget.isWantedByOthers(share), expel),
  }
  readBody(payload, options, (error, body) => {
    ends.push((error as { code?: string } | null)?.code ?? body?.length)
    giveBack()
  })
  payload.write('{')
  return { payload, ends }
}

test('a body that arrives slowly gives its room to those of other tenants that wait, and to no others', async () => {
  vi.useFakeTimers()
  onTestFinished(() => {
    vi.useRealTimers()
  })
  const budget = createBodyBudget({ totalBytes: 64 * mib, tenantBytes: 32 * mib, maxWaitMs: 5_000 })
  const first = begin(budget, 'a')
  const second = begin(budget, 'b')
  // Those of the same tenants wait for their own share.
  const own = ['a', 'b'].map(async (share) => budget.enter({ share, bytes: mib }))
  const refused = Promise.allSettled(own)
  await vi.advanceTimersByTimeAsync(4_900)
  expect([first.ends, second.ends]).toEqual([[], []])
  const third = budget.enter({ share: 'c', bytes: mib })
  await vi.advanceTimersByTimeAsync(300)
  expect((await refused).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  expect(first.ends).toEqual(['ERR_REQUEST_TIMEOUT'])
  expect(await third).toBeTypeOf('function')
  // Nobody else waits any more.
  await vi.advanceTimersByTimeAsync(20_000)
  expect(second.ends).toEqual([])
})

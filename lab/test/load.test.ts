// The judgement of a long run: it must report errors and growth where they are, and nowhere else.
import { describe, expect, test, vi } from 'vitest'
import { createLoadSdk } from '../src/load/load-tenant.ts'
import { failureCauseOf } from '../src/load/operation-failure.ts'
import { kindAt, operationKinds } from '../src/load/operations.ts'
import { isFlat, processFigures } from '../src/load/process-figures.ts'
import { createSeededRandom } from '../../testkit/src/statistics/seeded-random.ts'
import { sendOctets } from '../src/load/send-octets.ts'
import { Tally } from '../src/load/tally.ts'

const upTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1)

test('every process is judged on its own, without its first two minutes', () => {
  const look = (pid: number, rssMiB: number) => ({
    pid,
    rssMiB,
    heapUsedMiB: 50,
    heapTotalMiB: 80,
    externalMiB: 5,
    eventLoopDelayP99Ms: rssMiB / 10,
    openFiles: undefined,
  })
  const started = upTo(12).map((index) => look(1, index))
  const growing = upTo(12).map((index) => look(1, 100 * index))
  const short = [look(2, 70)]
  const [first, second] = processFigures([...started, ...growing, ...short])
  expect(first).toMatchObject({ looks: 24, rssMiB: { isFlat: false }, heapUsedMiB: { isFlat: true } })
  expect([first?.openFiles, first?.worstEventLoopDelayP99Ms]).toEqual([undefined, 120])
  expect(second).toMatchObject({ looks: 1, rssMiB: undefined })
  expect([first, second].map((figures) => figures && isFlat(figures))).toEqual([false, true])
})

describe('a tally', () => {
  const unanswered = { startMs: 5_000, endMs: 6_000, isUnanswered: true }

  test('counts a failure as an error, with its code, kinds and times', () => {
    const tally = new Tally(1_000)
    tally.failed('encrypt 1', '503 ERR_KMS_THROTTLED', { ...unanswered, isUnanswered: false })
    tally.failed('decrypt 1', '503 ERR_KMS_THROTTLED', { startMs: 7_000, endMs: 9_000, isUnanswered: false })
    tally.succeeded('decrypt 1', 3)
    expect([tally.operations, tally.errors, tally.down]).toEqual([3, 2, 0])
    expect(tally.failures).toEqual([
      {
        code: '503 ERR_KMS_THROTTLED',
        count: 2,
        kinds: { 'encrypt 1': 1, 'decrypt 1': 1 },
        firstAtSeconds: 5,
        lastAtSeconds: 8,
      },
    ])
    expect(tally.figures()).toEqual({ 'decrypt 1': { count: 1, p50Ms: 3, p99Ms: 3, maxMs: 3 } })
  })

  test.each([
    [[], true, 'error'],
    [[{ startMs: 5_500, endMs: Infinity }], true, 'down'],
    [[{ startMs: 5_500, endMs: 5_600 }], true, 'down'],
    [[{ startMs: 1_000, endMs: 5_100 }], true, 'down'],
    // It began when the server was ready again.
    [[{ startMs: 1_000, endMs: 4_999 }], true, 'error'],
    [[{ startMs: 6_001, endMs: Infinity }], true, 'error'],
    // A refusal is one, whenever it comes.
    [[{ startMs: 5_500, endMs: 5_600 }], false, 'error'],
  ])('with outages %j and no answer (%s) counts it as %s', (outages, isUnanswered, expected) => {
    const tally = new Tally(0)
    tally.outages.push(...outages)
    tally.failed('encrypt 1', 'ERR_CLIENT_UNREACHABLE', { ...unanswered, isUnanswered })
    expect([tally.errors, tally.down]).toEqual(expected === 'error' ? [1, 0] : [0, 1])
  })
})

describe('a failure', () => {
  const json = (status: number, body: object) => () => Promise.resolve(Response.json(body, { status }))
  const refusal = (status: number, code: string) =>
    json(status, { errors: [{ code, title: 'No.' }], traceId: 't' })
  const error = { code: 'ERR_DECRYPTION_FAILED', title: 'No.' }
  const cut = () => Promise.reject(new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } }))

  test.each([
    ['a refusal', refusal(424, 'ERR_KMS_DENIED'), '424 ERR_KMS_DENIED', false],
    ['a server that stays busy', refusal(503, 'ERR_KMS_THROTTLED'), '503 ERR_KMS_THROTTLED', false],
    ['an item that is refused', json(200, { items: [{ error }] }), 'item ERR_DECRYPTION_FAILED', false],
    ['the answer of another server', json(502, {}), 'ERR_CLIENT_BAD_REPLY', false],
    ['no answer', cut, 'ERR_CLIENT_UNREACHABLE', true],
  ])('of the SDK: %s', async (_, send, code, isUnanswered) => {
    const tenant = createLoadSdk('http://127.0.0.1:1', 'kh_t', send).tenant()
    const thrown: unknown = await tenant.decrypt('kh1.x').catch((reason: unknown) => reason)
    expect(failureCauseOf(thrown)).toEqual({ code, isUnanswered })
  })

  test.each([
    ['a refusal', refusal(413, 'ERR_ITEM_TOO_LARGE'), '413 ERR_ITEM_TOO_LARGE', 1],
    ['a server that stays busy', refusal(503, 'ERR_KMS_THROTTLED'), '503 ERR_KMS_THROTTLED', 4],
    ['no answer', cut, 'ERR_CLIENT_UNREACHABLE', 4],
  ])('past the SDK: %s', async (_, send, code, tries) => {
    const fetch = vi.fn(send)
    const parts = { url: 'http://127.0.0.1:1', token: 'kh_t', fetch }
    const sent = sendOctets(parts, 'encrypt', {}, Buffer.alloc(1))
    const thrown: unknown = await sent.catch((reason: unknown) => reason)
    expect(failureCauseOf(thrown)).toEqual({ code, isUnanswered: send === cut })
    expect(fetch).toHaveBeenCalledTimes(tries)
  })

  test('is not a mistake of this program itself', () => {
    expect(failureCauseOf(new TypeError('a mistake'))).toBeUndefined()
  })
})

test('a seed repeats its choices, and every kind of operation is among them', () => {
  const choices = (seed: number) => {
    const random = createSeededRandom(seed)
    return upTo(20_000).map(() => kindAt(random.next()).name)
  }
  expect(choices(1)).toEqual(choices(1))
  expect(choices(1)).not.toEqual(choices(2))
  expect(new Set(choices(3)).size).toBe(operationKinds.length)
})

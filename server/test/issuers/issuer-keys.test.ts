// An issuer that is away for a quarter of an hour, and for more than a day, while somebody invents key ids.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createIssuerKeys, type IssuerKeys } from '../../src/issuers/keys/issuer-keys.ts'
import { KeySetFault, type IssuerKey } from '../../src/issuers/keys/parse-jwks.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const key = { algorithm: undefined } as IssuerKey

let nowMs: number
let reads: number[]
let isUp: boolean
let ids: string[]
let maxAgeSeconds: number | undefined
let timers: { atMs: number; work: () => void }[]
let told: boolean[]
let keys: IssuerKeys
let invented: number

// Most of an error's cost is the trace of its calls.
const { stackTraceLimit } = Error
beforeAll(() => {
  Error.stackTraceLimit = 0
})
afterAll(() => {
  Error.stackTraceLimit = stackTraceLimit
})
beforeEach(() => {
  nowMs = 1_000_000
  reads = []
  isUp = true
  ids = ['k1']
  maxAgeSeconds = undefined
  timers = []
  told = []
  invented = 0
  keys = createIssuerKeys({
    name: 'test',
    async read() {
      reads.push(nowMs)
      await Promise.resolve()
      if (!isUp) throw new KeySetFault('it is away')
      return { keys: new Map(ids.map((id) => [id, key])), maxAgeSeconds }
    },
    onChanged: (error) => told.push(error === undefined),
    clock: () => nowMs,
    later(work, delayMs) {
      const timer = { atMs: nowMs + delayMs, work }
      timers.push(timer)
      return () => (timers = timers.filter((each) => each !== timer))
    },
  })
})

const settle = () => new Promise((resolve) => setImmediate(resolve))

/** Lets time pass, and does each second what falls due. */
async function pass(ms: number, eachSecond: () => Promise<unknown> = () => Promise.resolve()): Promise<void> {
  for (const endMs = nowMs + ms; nowMs < endMs; nowMs += 1_000) {
    const due = timers.filter(({ atMs }) => atMs <= nowMs)
    timers = timers.filter(({ atMs }) => atMs > nowMs)
    for (const { work } of due) work()
    if (due.length > 0) await settle()
    await eachSecond()
  }
}

const ask = async (id: string) => {
  try {
    return (await keys.find(id)) === undefined ? 'unknown' : 'known'
  } catch (error) {
    return (error as { code: string }).code
  }
}

test('a known key is answered without a promise, and without a reading', async () => {
  await keys.refresh()
  expect(keys.find('k1')).toBe(key)
  await pass(4 * minuteMs)
  expect(reads).toHaveLength(1)
})

test.each([
  [undefined, 5],
  [60, 5],
  [3_600, 30],
  [86_400, 60],
])('with a max-age of %s s the keys are read again after %i min', async (seconds, minutes) => {
  maxAgeSeconds = seconds
  await keys.refresh()
  await pass(minutes * minuteMs)
  expect(reads).toHaveLength(1)
  await pass(2_000)
  expect(reads).toHaveLength(2)
})

test('invented ids cause a reading in 30 s, whoever asks; a new key is found with the next one', async () => {
  await keys.refresh()
  await pass(31_000)
  const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => ask(`no-${index}`)))
  expect([new Set(answers), reads.length]).toEqual([new Set(['unknown']), 2])
  ids = ['k1', 'k2']
  expect(await ask('k2')).toBe('unknown')
  await pass(30_000)
  expect(await ask('k2')).toBe('known')
  expect(reads).toHaveLength(3)
})

// 900,000 ids in 15 minutes take a quarter of a minute of a processor: the gate invents fewer.
const inventedASecond = process.env.SLOW === '1' ? 1_000 : 10

/** Asks for keys that nobody has, all in one turn, and answers what came of them. */
async function invent(count: number): Promise<string[]> {
  const answers = new Set<string>()
  const waiting: Promise<unknown>[] = []
  const told = (error: unknown) => answers.add((error as { code: string }).code)
  for (let index = 0; index < count; index++) {
    try {
      const found = keys.find(`no-${invented++}`)
      if (found instanceof Promise) {
        waiting.push(found.then((each) => answers.add(each === undefined ? 'unknown' : 'known'), told))
      } else answers.add(found === undefined ? 'unknown' : 'known')
    } catch (error) {
      told(error)
    }
  }
  await Promise.all(waiting)
  return [...answers]
}

const leastMsBetweenReads = () =>
  Math.min(...reads.slice(1).map((atMs, index) => atMs - (reads[index] ?? -Infinity)))

test('while the issuer is away for 15 min, known keys serve, and invented ids cause no more than a reading in 30 s', async () => {
  await keys.refresh()
  isUp = false
  const begun = nowMs
  await pass(15 * minuteMs, async () => {
    expect(keys.find('k1')).toBe(key)
    // Within 30 s of the last success nobody has tried yet.
    const due = nowMs - begun < 30_000 ? ['unknown'] : ['ERR_ISSUER_UNREACHABLE']
    expect(await invent(inventedASecond)).toEqual(due)
  })
  expect(invented).toBe(900 * inventedASecond)
  expect([reads.length - 1, leastMsBetweenReads()]).toEqual([29, 30_000])
  isUp = true
  await pass(minuteMs)
  expect(await ask('no-x')).toBe('unknown')
  expect(told).toEqual([false, true])
})

test('while it is away for 25 h, known keys serve for 24 h, and then nobody knows', async () => {
  await keys.refresh()
  isUp = false
  await pass(24 * hourMs)
  expect(await ask('k1')).toBe('known')
  await pass(hourMs)
  expect(await ask('k1')).toBe('ERR_ISSUER_UNREACHABLE')
  expect(keys.ageMs()).toBe(25 * hourMs)
  // One try a minute, by itself.
  expect(reads.length).toBeLessThanOrEqual(25 * 60 + 2)
  isUp = true
  await pass(minuteMs + 2_000)
  expect(await ask('k1')).toBe('known')
  expect(told).toEqual([false, true])
})

test('so it is, too, while somebody invents ids for 25 h', async () => {
  await keys.refresh()
  isUp = false
  const begun = nowMs
  let unknownFromMs = Infinity
  const answers = new Set<string>()
  await pass(25 * hourMs, async () => {
    // A reading may begin in every thirtieth second, and in those all ids come at once. In the others one does.
    const sinceMs = nowMs - begun
    const told = await invent(sinceMs % 30_000 === 0 ? inventedASecond : 1)
    if (sinceMs >= 30_000) for (const answer of told) answers.add(answer)
    if (unknownFromMs === Infinity && (await ask('k1')) !== 'known') unknownFromMs = sinceMs
  })
  expect([...answers]).toEqual(['ERR_ISSUER_UNREACHABLE'])
  expect(unknownFromMs).toBe(24 * hourMs + 1_000)
  expect([reads.length - 1, leastMsBetweenReads()]).toEqual([2_999, 30_000])
  expect(invented).toBe(3_000 * inventedASecond + 87_000)
})

test('where it is away at the start, nobody knows, and the first success counts', async () => {
  isUp = false
  await keys.refresh()
  expect([await ask('k1'), keys.ageMs()]).toEqual(['ERR_ISSUER_UNREACHABLE', undefined])
  expect(reads).toHaveLength(1)
  isUp = true
  await pass(30_000)
  expect(await ask('k1')).toBe('known')
})

test('keys that the issuer has taken back are gone with the next reading', async () => {
  await keys.refresh()
  ids = ['k2']
  await pass(5 * minuteMs + 2_000)
  expect([await ask('k1'), await ask('k2')]).toEqual(['unknown', 'known'])
})

test('after its end nothing is read', async () => {
  await keys.refresh()
  keys.close()
  await pass(2 * hourMs)
  expect(reads).toHaveLength(1)
})

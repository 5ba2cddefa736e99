// The sign of life when the database is away: the number stays, the error is told once, and the end is not held up.
import { afterEach, expect, test } from 'vitest'
import { startHeartbeat, type Heartbeat } from '../../src/installation/start-heartbeat.ts'

let running: Heartbeat | undefined
afterEach(async () => {
  await running?.close()
  running = undefined
})

async function startWith(answer: () => Promise<number>, leave = () => Promise.resolve()) {
  const seen = { beats: 0, errors: [] as unknown[], left: 0 }
  const beat = () => {
    seen.beats += 1
    return answer()
  }
  const onError = (error: unknown) => seen.errors.push(error)
  const leaveOnce = () => {
    seen.left += 1
    return leave()
  }
  const store = { replicas: { beat, leave: leaveOnce } }
  const heartbeat = (running = await startHeartbeat({ store, beatMs: 5, goneMs: 20, onError }))
  return { seen, heartbeat }
}

test('a database that goes away changes nothing, and is complained of once', async () => {
  let isAway = false
  const started = await startWith(() => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(2)))
  expect(started.heartbeat.replicas()).toBe(3)
  isAway = true
  const before = started.seen.beats
  await expect.poll(() => started.seen.beats).toBeGreaterThan(before + 10)
  expect([started.heartbeat.replicas(), started.seen.errors]).toEqual([3, [new Error('away')]])
})

test('a start without the database fails', async () => {
  await expect(startWith(() => Promise.reject(new Error('away')))).rejects.toThrow('away')
})

test('after the end no sign follows, and a database that hangs does not hold it up for long', async () => {
  const { seen, heartbeat } = await startWith(
    () => Promise.resolve(0),
    () => new Promise(() => undefined),
  )
  running = undefined
  await heartbeat.close()
  const { beats } = seen
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect([seen.beats, seen.left]).toEqual([beats, 1])
})

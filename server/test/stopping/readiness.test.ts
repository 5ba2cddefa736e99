// A database that is silent for a short time makes no replica unready: it would make all of them unready at once.
import { once } from 'node:events'
import { Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { openTestPostgres } from '../../../testkit/src/database/test-database.ts'
import { openReadiness } from '../../src/store/connections/readiness.ts'

test('a silent database counts as there for the grace, from the first question, and at once again when it answers', async () => {
  const postgres = await openTestPostgres()
  onTestFinished(() => postgres.stop())
  const connection = await postgres.createDatabase()
  let now = 1_000
  let isAway = true
  const sockets: Socket[] = []
  const readiness = openReadiness(connection, {
    openStream() {
      const socket = new Socket()
      if (isAway) socket.destroy()
      sockets.push(socket)
      return socket
    },
    graceMs: 30_000,
    nowMs: () => now,
  })
  onTestFinished(() => readiness.close())
  const readyAt = async (atMs: number) => {
    now = atMs
    return readiness.isReady()
  }

  // Long after the last answer, where nobody has asked.
  expect(await readyAt(101_000)).toBe(true)
  expect(await readyAt(130_999)).toBe(true)
  expect(await readyAt(131_000)).toBe(false)
  isAway = false
  expect(await readyAt(150_000)).toBe(true)
  isAway = true
  const last = sockets.at(-1)
  last?.destroy()
  if (last !== undefined) await once(last, 'close')
  expect(await readyAt(190_000)).toBe(true)
  expect(await readyAt(219_999)).toBe(true)
  expect(await readyAt(220_000)).toBe(false)
})

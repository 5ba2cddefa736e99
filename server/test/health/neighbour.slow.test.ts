// One customer's key hangs under load: the neighbour goes on. What decides is that the neighbour meets no error and that
// the hanging key is asked seldom; the times are printed as a ratio and decide nothing.
import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createTenantWithOwnKey, encryptText } from '../http/scene.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'

const requests = 25
const callers = 8
// Once the key is not asked any more, answers come at once: the crowd need not take all of a processor.
const pauseMs = 10

let server: TestServer
beforeAll(async () => {
  // Without a cache every request asks the KMS.
  server = await startTestServer({ KEYHOLD_KEY_CACHE_TTL_SECONDS: '0' })
})
afterAll(() => server.stop())

async function decryptOnce({ serviceToken: token }: TestTenant, text: string): Promise<number> {
  const body = { items: [{ token: text }] }
  return (await server.request('POST', '/api/v1/encryption/decrypt', { token, body })).status
}

/** One after the other; what was answered, and the 99th percentile in milliseconds. */
async function load(tenant: TestTenant, text: string): Promise<{ statuses: Set<number>; p99Ms: number }> {
  const statuses = new Set<number>()
  const times: number[] = []
  for (let round = 0; round < requests; round++) {
    const startMs = performance.now()
    statuses.add(await decryptOnce(tenant, text))
    times.push(performance.now() - startMs)
  }
  times.sort((one, other) => one - other)
  return { statuses, p99Ms: times[Math.floor(requests * 0.99)] ?? 0 }
}

test('a key that hangs under load costs its neighbour nothing, and is asked seldom', async () => {
  const hanging = await createTenantWithOwnKey(server)
  const neighbour = await createTenantWithOwnKey(server)
  const text = await encryptText(server, neighbour, 'of the neighbour')
  const dead = await encryptText(server, hanging, 'of the one that hangs')
  const alone = await load(neighbour, text)

  const keyId = hanging.arn.split('/')[1]
  const remove = server.kms.faults.add({ kind: 'hang', match: { keyId } })
  server.kms.resetCallCounts()
  const startMs = performance.now()
  let isOver = false
  const answers = new Map<number, number>()
  const crowd = Array.from({ length: callers }, async () => {
    while (!isOver) {
      const status = await decryptOnce(hanging, dead)
      answers.set(status, (answers.get(status) ?? 0) + 1)
      await setTimeout(pauseMs)
    }
  })
  const beside = await load(neighbour, text)
  // After two outages in a row nobody waits for the key any more. Without the breaker the callers would all wait for each
  // call together: no call would answer more than all of them, however long this goes on.
  const isSpared = () => (answers.get(503) ?? 0) > callers * server.kms.countCalls({ keyId })
  while (!isSpared() && performance.now() - startMs < 60_000) await load(neighbour, text)
  isOver = true
  await Promise.all(crowd)
  const calls = server.kms.countCalls({ keyId })
  const seconds = (performance.now() - startMs) / 1_000
  remove()

  process.stdout.write(
    `p99 of the neighbour: ${alone.p99Ms.toFixed(1)} ms alone, ${beside.p99Ms.toFixed(1)} ms beside a key that hangs (${(beside.p99Ms / alone.p99Ms).toFixed(2)}); the hanging key: ${calls} calls in ${seconds.toFixed(0)} s, answers ${JSON.stringify([...answers])}\n`,
  )
  expect([...alone.statuses, ...beside.statuses]).toEqual([200, 200])
  expect([...answers.keys()]).toEqual([503])
  expect(calls).toBeGreaterThan(0)
  expect(answers.get(503)).toBeGreaterThan(callers * calls)
}, 120_000)

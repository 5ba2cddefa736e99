// Probes on a port of their own, beside that of tenants.
import { expect, test } from 'vitest'
import { startTestServer } from '../../../testkit/src/server/start-test-server.ts'

test('the listener for probes answers them as the other port does, and nothing else', async ({
  onTestFinished,
}) => {
  const server = await startTestServer({ KEYHOLD_HEALTH_PORT: '0' })
  let stopped: Promise<void> | undefined
  onTestFinished(() => (stopped ??= server.stop()))
  const health = server.healthUrl ?? ''
  expect(new URL(health).port).not.toBe(new URL(server.url).port)
  const statusOf = async (path: string, method = 'GET') =>
    (await fetch(`${health}${path}`, { method })).status
  const bothAnswer = async (path: string, status: number, word: string) => {
    for (const url of [health, server.url]) {
      const answer = await fetch(`${url}${path}`)
      expect([answer.status, await answer.json()]).toEqual([status, { status: word }])
    }
  }

  await bothAnswer('/livez', 200, 'ok')
  await bothAnswer('/readyz?from=kubelet', 200, 'ok')
  expect(await statusOf('/readyz', 'HEAD')).toBe(200)
  expect(await statusOf('/readyz', 'POST')).toBe(405)
  for (const path of ['/', '/metrics', '/openapi.json', '/api/v1/tenants'])
    expect(await statusOf(path)).toBe(404)

  server.drain()
  await bothAnswer('/livez', 200, 'ok')
  await bothAnswer('/readyz', 503, 'stopping')
  stopped = server.stop()
  await stopped
  await expect(fetch(`${health}/livez`)).rejects.toThrow('fetch failed')
})

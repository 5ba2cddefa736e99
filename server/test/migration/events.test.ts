// Events of a migration: one for each change, heartbeats in between, an end with the migration's, and with the server's.
import { expect, onTestFinished, test } from 'vitest'
import type { KeyJob } from '@keyhold/contract'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { startTestServer, type TestServer, type TestTenant } from '../../../testkit/src/start-test-server.ts'
import { startMigration } from '../../../testkit/src/api.ts'
import { isIn, migrate, migrations, waitForKeyJob } from '../../../testkit/src/key-jobs.ts'
import { prepareTenant } from '../../../testkit/src/prepared-tenant.ts'

let server: TestServer

// A short time-out for requests makes heartbeats frequent.
async function start(delayMs: number): Promise<void> {
  server = await startTestServer({
    KEYHOLD_REQUEST_TIMEOUT_SECONDS: '1',
    KEYHOLD_FAILPOINTS: `migration.copy.before-end=delay:${delayMs}`,
  })
  onTestFinished(() => server.stop())
}

function open(tenant: TestTenant, id: string, signal?: AbortSignal): Promise<Response> {
  return fetch(`${server.url}${migrations}/${id}/events`, {
    headers: { authorization: `Bearer ${tenant.adminToken}` },
    ...(signal !== undefined && { signal }),
  })
}

const statesOf = (text: string) =>
  text
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => JSON.parse(event.slice(6)) as KeyJob)

test('there is an event for each change until the end, and a sign of life in between', async () => {
  await start(5_000)
  const { tenant, fingerprint } = await prepareTenant(server)
  const id = await startMigration(server.url, tenant, fingerprint)
  const response = await open(tenant, id)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  const text = await response.text()
  const states = statesOf(text)
  expect(new Set(states.map((state) => state.id))).toEqual(new Set([id]))
  expect(states.at(-1)).toMatchObject({ phase: 'done', progress: 100 })
  expect(states.some(({ phase }) => phase === 'copy')).toBe(true)
  // No event without news.
  const news = states.map((state) => JSON.stringify({ ...state, keysPerSecond: undefined }))
  expect(news.filter((each, index) => each === news[index - 1])).toEqual([])
  expect(text).toContain('\n\n: still there\n\n')
})

test('curl -N reads them as they come, and what has ended is told once', async () => {
  await start(5_000)
  const { tenant, fingerprint } = await prepareTenant(server)
  const { id } = await migrate(server, tenant, fingerprint)
  const url = `${server.url}${migrations}/${id}/events`
  const { stdout } = await promisify(execFile)('curl', [
    '-sSN',
    url,
    '-H',
    `authorization: Bearer ${tenant.adminToken}`,
  ])
  expect(statesOf(stdout)).toMatchObject([{ id, phase: 'done' }])
})

test('a server that stops ends the streams, soon', async () => {
  await start(5_000)
  const { tenant, fingerprint } = await prepareTenant(server)
  const id = await startMigration(server.url, tenant, fingerprint)
  await waitForKeyJob(server, tenant, id, isIn('copy'))
  const response = await open(tenant, id)
  const text = response.text()
  const startMs = performance.now()
  const restarted = server.restart()
  // Ended and not cut: a cut would reject.
  expect(statesOf(await text).at(-1)?.phase).toBe('copy')
  // The step at hand takes five: the streams do not wait for it.
  expect(performance.now() - startMs).toBeLessThan(4_000)
  await restarted
  await waitForKeyJob(server, tenant, id, isIn('done'))
})

test('a tenant has no more than twenty streams open, and those that are left count no more', async () => {
  await start(5_000)
  const { tenant, fingerprint } = await prepareTenant(server)
  const id = await startMigration(server.url, tenant, fingerprint)
  await waitForKeyJob(server, tenant, id, isIn('copy'))
  const leave = new AbortController()
  const streams = await Promise.all(Array.from({ length: 20 }, () => open(tenant, id, leave.signal)))
  expect(streams.map(({ status }) => status)).toEqual(Array<number>(20).fill(200))
  expect((await open(tenant, id)).status).toBe(429)
  leave.abort()
  await expect
    .poll(
      async () => {
        const signal = AbortSignal.timeout(1_000)
        const { status } = await open(tenant, id, signal)
        return status
      },
      { timeout: 5_000 },
    )
    .toBe(200)
})

test('a token that is revoked meanwhile ends its stream', async () => {
  await start(13_000)
  const { tenant, fingerprint } = await prepareTenant(server)
  const id = await startMigration(server.url, tenant, fingerprint)
  await waitForKeyJob(server, tenant, id, isIn('copy'))
  const response = await open(tenant, id)
  const { body } = await server.request('GET', '/api/v1/api-keys', { token: server.operatorToken })
  const key = (body as { id: string; role: string; tenantId?: string }[]).find(
    ({ role, tenantId }) => role === 'tenant-admin' && tenantId === tenant.tenantId,
  )
  await server.request('DELETE', `/api/v1/api-keys/${key?.id ?? ''}`, { token: server.operatorToken })
  const startMs = performance.now()
  expect(statesOf(await response.text()).at(-1)?.phase).toBe('copy')
  expect(performance.now() - startMs).toBeLessThan(12_000)
})

// Events of a migration: one for each change, heartbeats in between, an end with the migration's, and with the server's.
import { describe, test, type TestContext } from 'vitest'
import type { KeyJob } from '@keyhold/contract'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { holdAt, type Hold } from '../../../testkit/src/server/hold-at.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { startMigration } from '../../../testkit/src/http/api.ts'
import { isIn, migrate, migrations, waitForKeyJob } from '../../../testkit/src/http/key-jobs.ts'
import { prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

interface Scene {
  server: TestServer
  /** Of the migration, before it ends its copy. */
  hold: Hold
}

// A short time-out for requests makes heartbeats frequent.
async function start({ onTestFinished }: Pick<TestContext, 'onTestFinished'>): Promise<Scene> {
  const hold = holdAt('migration.copy.after-commit')
  const server = await startTestServer({ KEYHOLD_REQUEST_TIMEOUT_SECONDS: '1' }, { hold })
  onTestFinished(() => server.stop())
  return { server, hold }
}

function open(
  server: TestServer,
  { adminToken }: TestTenant,
  id: string,
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(`${server.url}${migrations}/${id}/events`, {
    headers: { authorization: `Bearer ${adminToken}` },
    ...(signal !== undefined && { signal }),
  })
}

const statesOf = (text: string) =>
  text
    .split('\n\n')
    .filter((event) => event.startsWith('data: '))
    .map((event) => JSON.parse(event.slice(6)) as KeyJob)

/** Reads a stream to its end, and calls `then` once `mark` has come. */
async function readPast(response: Response, mark: string, then: () => void): Promise<string> {
  let text = ''
  for await (const piece of response.body ?? []) {
    const hadMark = text.includes(mark)
    text += Buffer.from(piece).toString()
    if (!hadMark && text.includes(mark)) then()
  }
  return text
}

describe.concurrent('events', () => {
  test('there is one for each change until the end, and a sign of life in between', async (context) => {
    const { expect } = context
    const { server, hold } = await start(context)
    const { tenant, fingerprint } = await prepareTenant(server)
    const id = await startMigration(server.url, tenant, fingerprint)
    const response = await open(server, tenant, id)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    const text = await readPast(response, '\n\n: still there\n\n', hold.release)
    const states = statesOf(text)
    expect(new Set(states.map((state) => state.id))).toEqual(new Set([id]))
    expect(states.at(-1)).toMatchObject({ phase: 'done', progress: 100 })
    expect(states.some(({ phase }) => phase === 'copy')).toBe(true)
    // No event without news.
    const news = states.map((state) => JSON.stringify({ ...state, keysPerSecond: undefined }))
    expect(news.filter((each, index) => each === news[index - 1])).toEqual([])
    expect(text).toContain('\n\n: still there\n\n')
  })

  test('curl -N reads them as they come, and what has ended is told once', async (context) => {
    const { expect } = context
    const { server, hold } = await start(context)
    hold.release()
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

  slowTest('a server that stops ends the streams, and waits for no step before', async (context) => {
    const { expect } = context
    const { server, hold } = await start(context)
    const { tenant, fingerprint } = await prepareTenant(server)
    const id = await startMigration(server.url, tenant, fingerprint)
    await hold.reached
    const response = await open(server, tenant, id)
    const text = response.text()
    const restarted = server.restart()
    // Ended and not cut: a cut would reject. The step at hand is held until then.
    expect(statesOf(await text).at(-1)?.phase).toBe('copy')
    hold.release()
    await restarted
    await waitForKeyJob(server, tenant, id, isIn('done'))
  })

  slowTest(
    'a tenant has no more than twenty streams open, and those that are left count no more',
    async (context) => {
      const { expect } = context
      const { server, hold } = await start(context)
      const { tenant, fingerprint } = await prepareTenant(server)
      const id = await startMigration(server.url, tenant, fingerprint)
      await hold.reached
      const leave = new AbortController()
      const streams = await Promise.all(
        Array.from({ length: 20 }, () => open(server, tenant, id, leave.signal)),
      )
      expect(streams.map(({ status }) => status)).toEqual(Array<number>(20).fill(200))
      expect((await open(server, tenant, id)).status).toBe(429)
      leave.abort()
      await expect
        .poll(async () => (await open(server, tenant, id, AbortSignal.timeout(1_000))).status, {
          timeout: 5_000,
        })
        .toBe(200)
    },
  )

  test('a token that is revoked meanwhile ends its stream', async (context) => {
    const { expect } = context
    const { server, hold } = await start(context)
    const { tenant, fingerprint } = await prepareTenant(server)
    const id = await startMigration(server.url, tenant, fingerprint)
    await hold.reached
    const response = await open(server, tenant, id)
    const { body } = await server.request('GET', '/api/v1/api-keys', { token: server.operatorToken })
    const key = (body as { apiKeys: { id: string; role: string; tenantId?: string }[] }).apiKeys.find(
      ({ role, tenantId }) => role === 'tenant-admin' && tenantId === tenant.tenantId,
    )
    await server.request('DELETE', `/api/v1/api-keys/${key?.id ?? ''}`, { token: server.operatorToken })
    // The migration is held, so nothing else ends the stream.
    expect(statesOf(await response.text()).at(-1)?.phase).toBe('copy')
  })
})

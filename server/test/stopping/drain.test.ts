// A server that stops drops nobody: it says so first, goes on serving meanwhile, and then closes what is left.
import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { startMigration } from '../../../testkit/src/http/api.ts'
import { migrations } from '../../../testkit/src/http/key-jobs.ts'
import { holdAt } from '../../../testkit/src/server/hold-at.ts'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../testkit/src/server/start-test-server.ts'
import { waitUntil } from '../http/scene.ts'
import { prepareTenant } from '../../../testkit/src/tenants/prepared-tenant.ts'
import { slowTest } from '../../../testkit/src/statistics/dose-of.ts'

const body = JSON.stringify({ items: [{ plaintext: 'QUJD' }] })

interface Reply {
  status: number | undefined
  connection: string | undefined
  isReused: boolean
}

async function encrypt(agent: Agent, { url }: TestServer, { serviceToken }: TestTenant): Promise<Reply> {
  const sent = request(`${url}/api/v1/encryption/encrypt`, {
    agent,
    method: 'POST',
    headers: { authorization: `Bearer ${serviceToken}`, 'content-type': 'application/json' },
  })
  sent.end(body)
  const [reply] = (await once(sent, 'response')) as [IncomingMessage]
  await text(reply)
  return {
    status: reply.statusCode,
    connection: reply.headers.connection,
    isReused: sent.reusedSocket,
  }
}

test('clients that keep their connections lose no request, and use none of these connections again', async ({
  onTestFinished,
}) => {
  const server = await startTestServer()
  let stopped: Promise<void> | undefined
  onTestFinished(() => (stopped ??= server.stop()))
  const tenant = await server.createTenant()
  // As a proxy does, they send as long as the probe of readiness succeeds, and a little longer.
  const agents = Array.from({ length: 8 }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  const seen: Reply[] = []
  let left = Infinity
  const clients = agents.map(async (agent) => {
    while (left-- > 0) seen.push(await encrypt(agent, server, tenant))
  })
  await waitUntil(() => Promise.resolve(seen.length >= 40), 20_000)

  server.drain()
  const before = seen.length
  const { status, body: answer } = await server.request('GET', '/readyz')
  expect({ status, answer }).toEqual({ status: 503, answer: { status: 'stopping' } })
  expect((await server.request('GET', '/livez')).status).toBe(200)
  left = 80
  await Promise.all(clients)
  stopped = server.stop()
  await stopped

  expect(new Set(seen.map((each) => each.status))).toEqual(new Set([200]))
  expect(seen.slice(0, before - agents.length).some(({ isReused }) => isReused)).toBe(true)
  // The first replies after the drain began may be to requests from before.
  const later = seen.slice(before + agents.length)
  expect(later.length).toBeGreaterThan(40)
  expect(new Set(later.map(({ connection }) => connection))).toEqual(new Set(['close']))
  expect(later.slice(agents.length).some(({ isReused }) => isReused)).toBe(false)
})

test('a stop closes the listener first, and gives each kept connection a last answer', async ({
  onTestFinished,
}) => {
  const server = await startTestServer({ KEYHOLD_DRAIN_SECONDS: '1' })
  const tenant = await server.createTenant()
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let stopped: Promise<void> | undefined
  onTestFinished(async () => {
    agent.destroy()
    await (stopped ??= server.stop())
  })
  expect(await encrypt(agent, server, tenant)).toMatchObject({ status: 200, connection: 'keep-alive' })

  server.drain()
  expect(await encrypt(agent, server, tenant)).toMatchObject({ status: 200, connection: 'close' })
  stopped = server.stop()
  // Whoever still sends here keeps its connection, so that it opens none when the listener closes.
  expect(await encrypt(agent, server, tenant)).toMatchObject({ status: 200, connection: 'keep-alive' })
  await waitUntil(() => isRefused(server.url), 5_000)
  expect(await encrypt(agent, server, tenant)).toEqual({ status: 200, connection: 'close', isReused: true })
  await expect(encrypt(agent, server, tenant)).rejects.toMatchObject({ code: 'ECONNREFUSED' })
})

async function isRefused(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const refused = await once(socket, 'connect').then(
    () => false,
    () => true,
  )
  socket.destroy()
  return refused
}

slowTest(
  'a stream of events ends with the wish to ask again, and so does one that is opened later',
  async ({ onTestFinished }) => {
    const hold = holdAt('migration.copy.after-commit')
    const server = await startTestServer({}, { hold })
    onTestFinished(() => server.stop())
    const { tenant, fingerprint } = await prepareTenant(server)
    const id = await startMigration(server.url, tenant, fingerprint)
    await hold.reached
    const open = () =>
      fetch(`${server.url}${migrations}/${id}/events`, {
        headers: { authorization: `Bearer ${tenant.adminToken}` },
      })
    const early = await open()
    server.drain()
    expect(await early.text()).toMatch(/^data: [^]*\n\nretry: 1000\n\n$/)
    expect(await (await open()).text()).toMatch(/^data: [^]*\n\nretry: 1000\n\n$/)
  },
)

slowTest('connections that never sent a byte do not keep the server', async ({ onTestFinished }) => {
  const server = await startTestServer()
  let stopped: Promise<void> | undefined
  onTestFinished(() => (stopped ??= server.stop()))
  const { hostname, port } = new URL(server.url)
  const silent = connect(Number(port), hostname)
  await once(silent, 'connect')
  silent.on('error', () => undefined)
  const closed = once(silent, 'close')
  server.drain()
  stopped = server.stop()
  await Promise.all([stopped, closed])
})

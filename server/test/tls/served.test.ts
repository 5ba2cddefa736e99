// The API and the metrics over TLS, with certificates of clients: a certificate that is shown and not trusted is a 401.
import { Agent } from 'node:https'
import { connect } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createTestAuthority } from '../../../testkit/src/network/test-authority.ts'
import { sendBytes } from '../http/raw-request.ts'
import { ask, startTlsScene, type TlsScene } from '../../../testkit/src/server/tls-scene.ts'

const clients = createTestAuthority('authority of the clients')
const strangers = createTestAuthority('another authority')
let logged = ''
let scene: TlsScene
let token: string

beforeAll(async () => {
  const logger = pino({ level: 'info' }, { write: (line: string) => (logged += line) })
  scene = await startTlsScene(
    clients.certificate,
    { KEYHOLD_METRICS_PORT: '0', KEYHOLD_HEALTH_PORT: '0' },
    { logger },
  )
  token = (await scene.server.createTenant()).adminToken
})
afterAll(() => scene.end())

const providers = () => `${scene.server.url}/api/v1/encryption/keyproviders`
const call = (client: { key: string; certificate: string } | undefined, url = providers()) =>
  ask(url, {
    headers: { authorization: `Bearer ${token}` },
    ...(client && { key: client.key, cert: client.certificate }),
  })

test('API and metrics speak TLS, and the listener for probes does not', async () => {
  const { url, metricsUrl = '', healthUrl = '' } = scene.server
  expect([url, metricsUrl, healthUrl].map((each) => new URL(each).protocol)).toEqual([
    'https:',
    'https:',
    'http:',
  ])
  expect((await scene.server.request('GET', '/readyz')).status).toBe(200)
  expect((await fetch(`${healthUrl}/readyz`)).status).toBe(200)
  const { text } = await ask(`${metricsUrl}/metrics`)
  expect(text).toMatch(/^keyhold_tls_certificate_expiry_seconds\{file="certificate"\} 8\d{4}\./m)
  expect(text).toMatch(/^keyhold_tls_certificate_expiry_seconds\{file="client-ca"\} 25\d{5}\./m)
  expect(text).toMatch(/^keyhold_tls_files_unusable 0$/m)
})

test('replies are kept by no cache, and are what they say', async () => {
  for (const answer of [await call(undefined), await ask(`${scene.server.metricsUrl}/metrics`)]) {
    expect(answer).toMatchObject({
      status: 200,
      headers: { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' },
    })
  }
})

test('plain HTTP gets no answer, and the log says what to do', async () => {
  const bytes = `GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`
  const answer = await sendBytes(scene.server.url, bytes).catch((error: unknown) => String(error))
  expect(answer).not.toMatch(/HTTP\//)
  await vi.waitFor(() => {
    expect(logged).toContain('a client speaks plain HTTP')
  })
  expect(logged).not.toContain(token)
})

describe('a certificate of the client', () => {
  test('is not needed', async () => {
    expect((await call(undefined)).status).toBe(200)
  })

  test('is trusted when the authority of clients has issued it', async () => {
    expect((await call(clients.issue(['spiffe://keyhold.example/service']))).status).toBe(200)
  })

  test('is trusted no longer than it is valid, also on a connection that stays open', async () => {
    const { key, certificate: cert } = clients.issue(['client.example'], 3_000)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    const again = () => ask(providers(), { agent, key, cert, headers: { authorization: `Bearer ${token}` } })
    const first = await again()
    expect([first.status, first.headers.connection]).toEqual([200, 'keep-alive'])
    await vi.waitFor(
      async () => {
        expect((await again()).status).toBe(401)
      },
      { timeout: 6_000, interval: 500 },
    )
    expect(Object.values(agent.freeSockets).flat()).toHaveLength(1)
    agent.destroy()
  })

  test.each([
    ['another authority', () => strangers.issue(['spiffe://keyhold.example/service'])],
    ['the authority of the server', () => scene.authority.issue(['client.example'])],
    ['the right authority, and has ended', () => clients.issue(['client.example'], -1_000)],
  ])('is a 401 when it is of %s', async (_whose, issue) => {
    for (const url of [providers(), `${scene.server.url}/livez`, `${scene.server.url}/nowhere`]) {
      const { status, text } = await call(issue(), url)
      expect(status).toBe(401)
      expect(JSON.parse(text)).toMatchObject({
        errors: [{ code: 'ERR_UNAUTHENTICATED', detail: 'The certificate of the client is not trusted.' }],
      })
    }
    expect((await call(issue(), `${scene.server.metricsUrl}/metrics`)).status).toBe(401)
  })
})

test('a connection that does not end its handshake counts, and gives its place back', async () => {
  const { hostname, port } = new URL(scene.server.url)
  const sockets = Array.from({ length: 20 }, () => connect(Number(port), hostname))
  await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))))
  for (const socket of sockets) socket.destroy()
  expect((await call(undefined)).status).toBe(200)
})

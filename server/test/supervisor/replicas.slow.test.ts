// Real replicas that share a port: one is killed under load, all are drained under load, a certificate is replaced, and what was revoked
// or locked is refused by all of them in time.
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, request, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call } from '../../../testkit/src/http/api.ts'
import { freePort } from '../../../testkit/src/network/free-port.ts'
import { createTestAuthority } from '../../../testkit/src/network/test-authority.ts'
import { startKeyholdProcess, type KeyholdProcess } from '../../../testkit/src/process/keyhold-process.ts'
import { createTenant, type Tenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { readMetrics } from '../metrics/read-metrics.ts'

const lanes = 16
const boundMs = 2_000
const body = JSON.stringify({ items: [{ plaintext: 'QUJD' }] })

let server: KeyholdProcess
let tenant: Tenant
let side: { health: string; metrics: string }
beforeAll(async () => {
  const [health, metrics] = [await freePort(), await freePort()]
  side = { health: `http://127.0.0.1:${health}`, metrics: `http://127.0.0.1:${metrics}` }
  server = await startKeyholdProcess({
    settings: {
      KEYHOLD_REPLICAS: '2',
      KEYHOLD_HEALTH_PORT: String(health),
      KEYHOLD_METRICS_PORT: String(metrics),
      KEYHOLD_DRAIN_SECONDS: '4',
    },
  })
  tenant = await createTenant(server.url, server.operatorToken)
})
afterAll(() => server.stop())

/** Answers the status, or the code of what went wrong with the connection. */
async function encrypt(agent: Agent, token: string): Promise<number | string> {
  try {
    const sent = request(`${server.url}/api/v1/encryption/encrypt`, {
      ...{ agent, method: 'POST' },
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    })
    sent.end(body)
    const [reply] = (await once(sent, 'response')) as [IncomingMessage]
    await text(reply)
    return reply.statusCode ?? 0
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : String(error)
  }
}

/** Callers that keep their connections, until they are told to end. Answers how often each outcome came. */
function startLoad() {
  const agents = Array.from({ length: lanes }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  const outcomes: Record<string, number> = {}
  let isEnding = false
  const running = Promise.all(
    agents.map(async (agent) => {
      while (!isEnding) {
        const outcome = await encrypt(agent, tenant.serviceToken)
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
      }
      agent.destroy()
    }),
  )
  return {
    outcomes,
    async end() {
      isEnding = true
      await running
      const { 200: good = 0, ...failed } = outcomes
      return { good, failed: Object.values(failed).reduce((sum, each) => sum + each, 0) }
    },
  }
}

async function states(): Promise<Record<string, string>> {
  const answer = (await (await fetch(`${side.health}/readyz`)).json()) as { replicas: Record<string, string> }
  return answer.replicas
}

async function metrics() {
  return readMetrics(await (await fetch(`${side.metrics}/metrics`)).text())
}

/** The processes of the replicas, from the log of the system: children of the server's. */
async function pidOfReplica(): Promise<number> {
  const children = await readFile(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8')
  for (const pid of children.trim().split(' ')) {
    if ((await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes('replica-process')) return Number(pid)
  }
  throw new Error('no replica runs')
}

const both = { timeout: 60_000, interval: 200 }

test('both serve, and a killed one takes its own connections with it and nothing else', async () => {
  await expect.poll(states, both).toEqual({ 1: 'ok', 2: 'ok' })
  const load = startLoad()
  await sleep(2_000)
  const requests = async () =>
    (await metrics()).value('keyhold_http_request_duration_seconds_count', { route: 'encrypt' }) ?? 0
  const before = await requests()
  process.kill(await pidOfReplica(), 'SIGKILL')
  await expect.poll(async () => Object.values(await states()).includes('not running'), both).toBe(true)
  await expect.poll(states, both).toEqual({ 1: 'ok', 2: 'ok' })
  const failedBefore = { ...load.outcomes }
  await sleep(2_000)
  const { good, failed } = await load.end()
  expect(good).toBeGreaterThan(100)
  expect(failed).toBeGreaterThan(0)
  expect(failed).toBeLessThanOrEqual(lanes)
  // None has failed since the replacement serves.
  expect(Object.keys(load.outcomes).sort()).toEqual(Object.keys(failedBefore).sort())
  // The counts of the killed one are still in the sum.
  expect(await requests()).toBeGreaterThanOrEqual(before)
  expect((await metrics()).value('keyhold_replica_restarts_total')).toBe(1)
})

test('an API key that was revoked, and a tenant that was locked, are refused by both in two seconds', async () => {
  const other = await createTenant(server.url, server.operatorToken)
  const fresh = () => encrypt(new Agent({ keepAlive: false }), other.serviceToken)
  const askMany = async () => new Set(await Promise.all(Array.from({ length: 24 }, fresh)))
  expect(await askMany()).toEqual(new Set([200]))
  const lock = await call(server.url, other.adminToken, 'POST', '/api/v1/encryption/actions/lock')
  expect(lock.status).toBeLessThan(300)
  await sleep(boundMs)
  expect(await askMany()).toEqual(new Set([423]))

  const keys = await call(server.url, server.operatorToken, 'GET', '/api/v1/api-keys')
  const revoked = (
    keys.body as { apiKeys: { id: string; tenantId?: string; role: string }[] }
  ).apiKeys.filter((each) => each.tenantId === other.tenantId && each.role === 'service')
  expect(revoked).toHaveLength(1)
  const route = `/api/v1/api-keys/${revoked[0]?.id}`
  expect((await call(server.url, server.operatorToken, 'DELETE', route)).status).toBeLessThan(300)
  await sleep(boundMs)
  expect(await askMany()).toEqual(new Set([401]))
})

test('a new certificate is shown by both, without a restart', async ({ onTestFinished }) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-tls-of-replicas-'))
  const [certificate, key] = [path.join(folder, 'tls.crt'), path.join(folder, 'tls.key')]
  const authority = createTestAuthority()
  async function install(): Promise<number> {
    const issued = authority.issue(['127.0.0.1'])
    await writeFile(key, issued.key, { mode: 0o600 })
    await writeFile(certificate, issued.certificate)
    return issued.serial
  }
  const first = await install()
  const secured = await startKeyholdProcess({
    settings: {
      KEYHOLD_REPLICAS: '2',
      KEYHOLD_TLS_CERTIFICATE_FILE: certificate,
      KEYHOLD_TLS_KEY_FILE: key,
    },
  })
  onTestFinished(async () => {
    await secured.stop()
    await rm(folder, { recursive: true })
  })
  async function shown(): Promise<number[]> {
    const serials = await Promise.all(
      Array.from({ length: 24 }, async () => {
        const { hostname, port } = new URL(secured.url)
        const socket = connect({ host: hostname, port: Number(port), ca: authority.certificate })
        await once(socket, 'secureConnect')
        const { serialNumber } = socket.getPeerCertificate()
        socket.destroy()
        return Number.parseInt(serialNumber, 16)
      }),
    )
    return [...new Set(serials)]
  }
  expect(await shown()).toEqual([first])
  const second = await install()
  await expect.poll(shown, both).toEqual([second])
})

test('a stop loses no request of callers that go on until the probe fails, and a little longer', async () => {
  const load = startLoad()
  await sleep(1_000)
  process.kill(server.pid, 'SIGTERM')
  await expect.poll(states, both).toEqual({ 1: 'stopping', 2: 'stopping' })
  await sleep(1_500)
  const { good, failed } = await load.end()
  expect(good).toBeGreaterThan(50)
  expect(load.outcomes).toEqual({ 200: good })
  expect(failed).toBe(0)
})

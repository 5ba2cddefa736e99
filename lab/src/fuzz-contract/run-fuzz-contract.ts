// Sends drawn requests to a server, one after the other, and judges each answer by the contract. What the server logs, stores and
// counts meanwhile must tell no secret.
import { routeIds, type RouteId } from '@keyhold/contract'
import fc from 'fast-check'
import { Agent } from 'node:http'
import { pino } from 'pino'
import { startTestServer, type TestServer } from '../../../testkit/src/server/start-test-server.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { routeOf, type Asked } from './asked.ts'
import { leakIn } from './canaries.ts'
import { requests } from './draw-request.ts'
import { judge } from './judge.ts'
import { makeScene, type Scene, type Shared } from './scene.ts'
import { searchDatabase } from './search-database.ts'
import { send } from './send.ts'
import { simplify } from './simplify.ts'

export interface FuzzOptions {
  requests: number
  seed: number
  say: (line: string) => void
}

export interface FuzzResult {
  requests: number
  seed: number
  /** How many answers of each status. */
  statuses: Readonly<Record<string, number>>
  /** The routes that have succeeded at least once, of all. */
  succeeded: number
  routes: number
  neverSucceeded: readonly RouteId[]
  logLines: number
  problems: readonly string[]
}

// The requests of a scene change it: later ones would find less and less.
const requestsPerScene = 400
const mostProblems = 20
const sayEvery = 1_000

export async function runFuzzContract({ requests: count, seed, say }: FuzzOptions): Promise<FuzzResult> {
  const log = watchLog()
  const server = await startTestServer(
    { KEYHOLD_METRICS_PORT: '0' },
    { logger: pino({ level: 'trace' }, log), timings: { tooManyPauseMs: 0 } },
  )
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    return await fuzz(server, agent, log, { requests: count, seed, say })
  } finally {
    agent.destroy()
    await server.stop()
  }
}

type Log = ReturnType<typeof watchLog>

async function fuzz(
  server: TestServer,
  agent: Agent,
  log: Log,
  { requests: count, seed, say }: FuzzOptions,
): Promise<FuzzResult> {
  const elsewhere = { role: 'service' as const, addresses: ['192.0.2.0/24'] }
  const operator = openClient(server.url, server.operatorToken)
  const shared: Shared = {
    arns: [await server.createCustomerKey(), await server.createCustomerKey()],
    foreignArn: await server.createCustomerKey(),
    elsewhereToken: (await operator.call('createApiKey', { body: elsewhere })).body.key,
  }
  const statuses = new Map<number, number>()
  const succeeded = new Set<RouteId>()
  const secrets = new Set<string>()
  const problems = new Map<string, string>()
  let scene = await makeScene(server, shared)

  async function ask(asked: Asked): Promise<{ problem: string | undefined; status: number }> {
    const answer = await send(server.url, agent, asked, scene)
    const routeId = routeOf(asked)
    if (routeId !== undefined && answer.status < 400) {
      succeeded.add(routeId)
      await undo(server, scene, routeId)
    }
    return { problem: judge(asked, answer) ?? log.takeLeak(), status: answer.status }
  }

  for (let sent = 0; sent < count && problems.size < mostProblems;) {
    // Each scene draws anew, so that a part of a run is repeated without what came before it.
    const drawn = fc.sample(requests, {
      numRuns: Math.min(requestsPerScene, count - sent),
      seed: seed + sent,
    })
    scene = await makeScene(server, shared)
    for (const secret of scene.secrets) secrets.add(secret)
    for (const asked of drawn) {
      sent++
      if (sent % sayEvery === 0) say(`${sent} requests`)
      const { problem, status } = await ask(asked)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      const name = `${asked.routeId ?? 'no route'} ${problem?.replaceAll(/[0-9a-f-]{12,}/g, '…') ?? ''}`
      if (problem === undefined || problems.has(name)) continue
      const smallest = await simplify(asked, async (smaller) => (await ask(smaller)).problem === problem)
      problems.set(name, `request ${sent}, seed ${seed}: ${JSON.stringify(smallest)} ${problem}`)
      say(problems.get(name) ?? '')
    }
  }
  const found = [...problems.values(), ...(await searchDatabase(server, secrets))]
  const metrics = await (await fetch(`${server.metricsUrl ?? ''}/metrics`)).text()
  const leak = leakIn(metrics, secrets) ?? leakIn(log.all(), secrets)
  if (leak !== undefined) found.push(`metrics or logs tell a secret: ${leak}`)
  const total = [...statuses.values()].reduce((sum, times) => sum + times, 0)
  return {
    ...{ requests: total, seed },
    statuses: Object.fromEntries([...statuses].toSorted(([one], [other]) => one - other)),
    ...{ succeeded: succeeded.size, routes: routeIds.length },
    neverSucceeded: routeIds.filter((routeId) => !succeeded.has(routeId)),
    logLines: log.lines(),
    problems: found,
  }
}

/** Takes back what would leave most later requests with one and the same refusal. */
async function undo({ url, operatorToken }: TestServer, scene: Scene, routeId: RouteId): Promise<void> {
  const ownTenants = ['tenant', 'foreignTenant'].flatMap((name) => scene.places.get(name) ?? [])
  if (routeId === 'lockTenant') {
    for (const caller of ['tenant-admin', 'foreign tenant-admin']) {
      const token = scene.callers.get(caller)?.replace('Bearer ', '') ?? ''
      await openClient(url, token).call('unlockTenant')
    }
  }
  if (routeId === 'scheduleTenantDeletion') {
    for (const tenantId of ownTenants) {
      await openClient(url, operatorToken)
        .call('cancelTenantDeletion', { params: { tenantId } })
        .catch(() => undefined)
    }
  }
}

function watchLog() {
  const texts: string[] = []
  let leak: string | undefined
  return {
    write(line: string) {
      texts.push(line)
      const found = leakIn(line)
      if (found !== undefined) leak ??= `leads to a line of the log with a secret: ${found}`
    },
    takeLeak(): string | undefined {
      const taken = leak
      leak = undefined
      return taken
    },
    lines: () => texts.length,
    all: () => texts.join(''),
  }
}

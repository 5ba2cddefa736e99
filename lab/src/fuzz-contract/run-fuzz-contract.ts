// Sends drawn requests to a server, and judges each answer by the description of the API. What the server logs, stores and counts
// meanwhile must tell no secret.
import { routeIds, type RouteId } from '@keyhold/contract'
import fc from 'fast-check'
import { pino } from 'pino'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { ask } from '../../../testkit/src/server/tls-scene.ts'
import { routeOf, type Asked } from './asked.ts'
import { leakIn } from './canaries.ts'
import { openConnections, type Connections } from './connections.ts'
import { readDescription, type DescribedAnswers } from './described-answers.ts'
import { requests } from './draw-request.ts'
import { startFuzzServer, type FuzzServer } from './fuzz-server.ts'
import { judge } from './judge.ts'
import { makeScene, type Scene, type Shared } from './scene.ts'
import { searchDatabase } from './search-database.ts'
import { send } from './send.ts'
import { simplify } from './simplify.ts'
import { undo } from './undo.ts'
import { watchLog } from './watch-log.ts'

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
  /** How many kinds of callers have sent a request, and how many of them one that succeeded. */
  callers: number
  callersThatSucceeded: number
  /** The routes that have succeeded at least once, of all. */
  succeeded: number
  routes: number
  neverSucceeded: readonly RouteId[]
  /** Besides all answers these were searched for secrets. */
  logLines: number
  rows: number
  problems: readonly string[]
}

// The requests of a scene change it: later ones would find less and less.
const requestsPerScene = 400
// Much of the time a request waits: for a KMS, a commit, an event.
const scenesAtOnce = 4
const mostProblems = 20
const sayEvery = 1_000

export async function runFuzzContract({ requests: count, seed, say }: FuzzOptions): Promise<FuzzResult> {
  const log = watchLog()
  const scenes = Math.ceil(count / requestsPerScene)
  const fuzzed = await startFuzzServer(pino({ level: 'trace' }, log), scenes)
  try {
    const { url } = fuzzed.server
    const run = {
      ...{ fuzzed, log, say, seed, count },
      shared: await makeShared(fuzzed),
      described: readDescription(JSON.parse((await ask(`${url}/openapi.json`)).text)),
      statuses: new Map<number, number>(),
      succeeded: new Set<RouteId>(),
      callers: new Set<string>(),
      callersThatSucceeded: new Set<string>(),
      secrets: new Set<string>(),
      problems: new Map<string, string>(),
      sent: 0,
    }
    let next = 0
    const work = async () => {
      while (next < scenes && run.problems.size < mostProblems) await fuzzScene(run, next++)
    }
    await Promise.all(Array.from({ length: scenesAtOnce }, work))
    return await conclude(run)
  } finally {
    await fuzzed.end()
  }
}

interface Run {
  fuzzed: FuzzServer
  log: ReturnType<typeof watchLog>
  say: (line: string) => void
  seed: number
  count: number
  shared: Shared
  described: DescribedAnswers
  statuses: Map<number, number>
  succeeded: Set<RouteId>
  callers: Set<string>
  callersThatSucceeded: Set<string>
  secrets: Set<string>
  problems: Map<string, string>
  sent: number
}

async function makeShared({ server }: FuzzServer): Promise<Shared> {
  const operator = openClient(server.url, server.operatorToken)
  const make = async (more: object) =>
    (await operator.call('createApiKey', { body: { role: 'service', ...more } })).body.key
  return {
    arns: [await server.createCustomerKey(), await server.createCustomerKey()],
    foreignArn: await server.createCustomerKey(),
    elsewhereToken: await make({ addresses: ['192.0.2.0/24'] }),
    expiringToken: await make({ expiresInSeconds: 60 }),
  }
}

/** The requests of one scene, one after the other. It draws anew, so that it is repeated without what came before it. */
async function fuzzScene(run: Run, index: number): Promise<void> {
  const before = index * requestsPerScene
  const drawn = fc.sample(requests, {
    numRuns: Math.min(requestsPerScene, run.count - before),
    seed: run.seed + before,
  })
  const scene = await makeScene(run.fuzzed, run.shared, index)
  const connections = openConnections()
  for (const secret of scene.secrets) run.secrets.add(secret)
  for (const [number, asked] of drawn.entries()) {
    if (run.problems.size >= mostProblems) break
    if (++run.sent % sayEvery === 0) run.say(`${run.sent} requests`)
    const { problem, status } = await askAndJudge(run, scene, connections, asked)
    run.statuses.set(status, (run.statuses.get(status) ?? 0) + 1)
    const name = `${asked.routeId ?? 'no route'} ${problem?.replaceAll(/[0-9a-f-]{12,}/g, '…') ?? ''}`
    if (problem === undefined || run.problems.has(name)) continue
    // Another scene may find the same meanwhile.
    run.problems.set(name, problem)
    const fails = async (smaller: Asked) =>
      (await askAndJudge(run, scene, connections, smaller)).problem === problem
    const smallest = await simplify(asked, fails)
    run.problems.set(
      name,
      `request ${before + number + 1}, seed ${run.seed}: ${JSON.stringify(smallest)} ${problem}`,
    )
    run.say(run.problems.get(name) ?? '')
  }
  connections.close()
}

async function askAndJudge(
  run: Run,
  scene: Scene,
  connections: Connections,
  asked: Asked,
): Promise<{ problem: string | undefined; status: number }> {
  const { server } = run.fuzzed
  const answer = await send(server.url, connections, asked, scene)
  const routeId = routeOf(asked)
  run.callers.add(asked.caller)
  if (routeId !== undefined && answer.status >= 200 && answer.status < 400) {
    run.succeeded.add(routeId)
    run.callersThatSucceeded.add(asked.caller)
    await undo(server, scene, routeId)
  }
  return { problem: judge(asked, answer, run.described) ?? run.log.takeLeak(), status: answer.status }
}

async function conclude(run: Run): Promise<FuzzResult> {
  const { server } = run.fuzzed
  const { rows, problems } = await searchDatabase(server, run.secrets)
  const found = [...run.problems.values(), ...problems]
  const metrics = (await ask(`${server.metricsUrl ?? ''}/metrics`)).text
  const leak = leakIn(metrics, run.secrets) ?? leakIn(run.log.all(), run.secrets)
  if (leak !== undefined) found.push(`metrics or logs tell a secret: ${leak}`)
  return {
    ...{ requests: [...run.statuses.values()].reduce((sum, times) => sum + times, 0), seed: run.seed },
    statuses: Object.fromEntries([...run.statuses].toSorted(([one], [other]) => one - other)),
    ...{ callers: run.callers.size, callersThatSucceeded: run.callersThatSucceeded.size },
    ...{ succeeded: run.succeeded.size, routes: routeIds.length },
    neverSucceeded: routeIds.filter((routeId) => !run.succeeded.has(routeId)),
    ...{ logLines: run.log.lines(), rows, problems: found },
  }
}

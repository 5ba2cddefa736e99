// One replica and several that share a port, by turns: what a request costs in processor time, and how much of the machine they use.
import { availableParallelism } from 'node:os'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { call } from '../../../testkit/src/http/api.ts'
import { startKeyholdProcess, type KeyholdProcess } from '../../../testkit/src/process/keyhold-process.ts'
import { median } from '../../../testkit/src/statistics/median.ts'
import { createTenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { bodyOf, operations, plaintext, type OperationName } from './operations.ts'
import { machineTimeMs, serverTime } from './processor-time.ts'
import { runWrk } from './run-wrk.ts'

export interface CoresOptions {
  replicas: number
  rounds: number
  seconds: number
  connections: number
  operation: readonly string[]
  print: (line: string) => void
  say: (line: string) => void
}

interface Side {
  replicas: number
  server: KeyholdProcess
  token: string
  serviceToken: string
}

/** Of one load on one server. */
interface Turn {
  requestsPerSecond: number
  /** Of the server's processes. */
  microsOfRequest: number
  p50Ms: number
  p99Ms: number
  /** The share that the server has used of what load, PostgreSQL and others have left of all processors. */
  useOfRest: number
  /** Processors that nothing of this experiment has used, and that were not idle. */
  otherCores: number
}

interface Figures extends Turn {
  operation: string
  replicas: number
  requestsPerSecondAndCore: number
}

export interface CoresResult {
  cores: number
  figures: Figures[]
  /** By operation: the processor time of a request on several replicas, by that on one. */
  costRatios: Record<string, number>
  problems: string[]
}

const mostCostRatio = 1.05
const leastUse = 0.9
const warmUpSeconds = 3

export async function runCores(options: CoresOptions): Promise<CoresResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-cores-'))
  const sides: Side[] = []
  try {
    for (const replicas of [1, options.replicas]) sides.push(await startSide(replicas))
    return await measure(options, sides, path.join(folder, 'load.lua'))
  } finally {
    for (const { server } of sides) await server.stop()
    await rm(folder, { recursive: true })
  }
}

async function startSide(replicas: number): Promise<Side> {
  const server = await startKeyholdProcess({ settings: { KEYHOLD_REPLICAS: String(replicas) } })
  const { serviceToken } = await createTenant(server.url, server.operatorToken)
  const { body } = await call(server.url, serviceToken, 'POST', '/api/v1/encryption/encrypt', {
    items: [{ plaintext }],
  })
  const token = (body as { items: { token: string }[] }).items[0]?.token ?? ''
  return { replicas, server, token, serviceToken }
}

async function measure(
  { rounds, seconds, connections, operation, print, say }: CoresOptions,
  sides: readonly Side[],
  scriptFile: string,
): Promise<CoresResult> {
  const problems: string[] = []
  const turns = new Map<string, Turn[]>()
  const cores = availableParallelism()

  async function turn(side: Side, name: string, forSeconds: number): Promise<Turn> {
    const { action } = operations[name as OperationName]
    const [before, machineBefore, startMs] = [
      await serverTime(side.server.pid),
      machineTimeMs(),
      performance.now(),
    ]
    const load = await runWrk(
      {
        url: `${side.server.url}/api/v1/encryption/${action}`,
        body: bodyOf(operations[name as OperationName], side.token),
        ...{ token: side.serviceToken, connections, seconds: forSeconds },
      },
      scriptFile,
    )
    const [after, wallMs] = [await serverTime(side.server.pid), performance.now() - startMs]
    const serverMs = after.serverMs - before.serverMs
    const postgresMs = after.postgresMs - before.postgresMs
    const othersMs = Math.max(0, machineTimeMs() - machineBefore - serverMs - postgresMs - load.cpuMs)
    if (load.failed > 0)
      problems.push(`${name}, ${side.replicas} replicas: ${load.failed} of ${load.requests} requests failed`)
    return {
      requestsPerSecond: (load.requests * 1_000) / load.elapsedMs,
      microsOfRequest: (serverMs * 1_000) / load.requests,
      ...{ p50Ms: load.p50Ms, p99Ms: load.p99Ms },
      useOfRest: serverMs / (cores * wallMs - postgresMs - load.cpuMs - othersMs),
      otherCores: othersMs / wallMs,
    }
  }

  for (const name of operation) for (const side of sides) await turn(side, name, warmUpSeconds)
  for (let round = 0; round < rounds; round++) {
    for (const name of operation) {
      // By turns, so that neither always follows the other.
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
        const found = await turn(side, name, seconds)
        const key = `${name} ${side.replicas}`
        turns.set(key, [...(turns.get(key) ?? []), found])
        say(
          `${name}, ${side.replicas} replicas: ${Math.round(found.requestsPerSecond)} requests/s, ${found.microsOfRequest.toFixed(1)} µs each`,
        )
      }
    }
  }
  const figures = operation.flatMap((name) =>
    sides.map(({ replicas }) => figuresOf(name, replicas, turns.get(`${name} ${replicas}`) ?? [])),
  )
  const costRatios = Object.fromEntries(
    operation.map((name) => {
      const [one, several] = sides.map(({ replicas }) => turns.get(`${name} ${replicas}`) ?? [])
      // Of the two sides of a round, which met the same other work.
      const ratios = (one ?? []).map(
        (each, round) => (several?.[round]?.microsOfRequest ?? NaN) / each.microsOfRequest,
      )
      return [name, median(ratios)]
    }),
  )
  printFigures(figures, costRatios, cores, print)
  return { cores, figures, costRatios, problems }
}

function figuresOf(operation: string, replicas: number, turns: readonly Turn[]): Figures {
  const middle = (value: (turn: Turn) => number) => median(turns.map(value))
  const microsOfRequest = middle((turn) => turn.microsOfRequest)
  return {
    ...{ operation, replicas, microsOfRequest },
    requestsPerSecond: middle((turn) => turn.requestsPerSecond),
    requestsPerSecondAndCore: 1_000_000 / microsOfRequest,
    p50Ms: middle((turn) => turn.p50Ms),
    p99Ms: middle((turn) => turn.p99Ms),
    useOfRest: middle((turn) => turn.useOfRest),
    otherCores: middle((turn) => turn.otherCores),
  }
}

function printFigures(
  figures: readonly Figures[],
  costRatios: Readonly<Record<string, number>>,
  cores: number,
  print: (line: string) => void,
): void {
  print(
    'operation     replicas  requests/s  requests/s and core  µs/request  p50 ms  p99 ms  use of the rest',
  )
  for (const each of figures) {
    print(
      [
        each.operation.padEnd(13),
        String(each.replicas).padStart(8),
        Math.round(each.requestsPerSecond).toString().padStart(11),
        Math.round(each.requestsPerSecondAndCore).toString().padStart(20),
        each.microsOfRequest.toFixed(1).padStart(11),
        each.p50Ms.toFixed(1).padStart(7),
        each.p99Ms.toFixed(1).padStart(7),
        each.useOfRest.toFixed(2).padStart(16),
      ].join(' '),
    )
  }
  for (const [name, ratio] of Object.entries(costRatios))
    print(
      goal(
        `${name}: processor time of a request, several by one`,
        ratio,
        `at most ${mostCostRatio}`,
        ratio <= mostCostRatio,
      ),
    )
  for (const { operation, replicas, useOfRest } of figures.filter((each) => each.replicas >= cores))
    print(
      goal(
        `${operation}: use by ${replicas} replicas`,
        useOfRest,
        `at least ${leastUse}`,
        useOfRest >= leastUse,
      ),
    )
  const others = Math.max(...figures.map(({ otherCores }) => otherCores))
  print(`Other work on the machine took up to ${others.toFixed(2)} of ${cores} processors.`)
}

function goal(what: string, value: number, least: string, isMet: boolean): string {
  return `${what}: ${value.toFixed(3)} (${least}: ${isMet ? 'met' : 'missed'})`
}

// One run: a real server on an embedded PostgreSQL and a local KMS, tenants, their load, and the figures.
import { createServer } from 'node:net'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'
import { startKeyholdProcess } from '../../../testkit/src/process/keyhold-process.ts'
import { createSeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import { coldStart, type ColdStartFigures } from './cold-start.ts'
import { drive } from './drive.ts'
import { createLoadTenant, type LoadTenant } from './load-tenant.ts'
import { createObservedFetch } from './observed-fetch.ts'
import { isFlat, processFigures, type ProcessFigures } from './process-figures.ts'
import type { MemoryReport } from './report-memory.ts'
import { Tally, type Failure, type KindFigures } from './tally.ts'
import { WrongValue } from './wrong-value.ts'

export interface LoadOptions {
  minutes: number
  operationsPerSecond: number
  /** The share of KMS calls that is throttled all the time, from 0 to 1. */
  throttle: number
  isColdStarted: boolean
  seed: number
  /** Receives the progress now and then. */
  say: (line: string) => void
}

export interface LoadFigures {
  seed: number
  minutes: number
  operationsPerSecond: number
  throttle: number
  tenants: number
  tenantsWithOwnKey: number
  /** Operations of callers. */
  operations: number
  /** Operations that were not begun, as all hands were busy. */
  leftOut: number
  /** Operations that met no server between the kill and the moment when the server was ready again. */
  down: number
  errors: number
  failures: Failure[]
  /** A wrong value ends the run. */
  wrong: number
  /** HTTP replies by status and code, before any client sends again; `none`: the connection failed. */
  replies: Record<string, number>
  latencies: Record<string, KindFigures>
  dataOperations: { server: number; local: number }
  kmsCalls: number
  kmsCallsPerMillionDataOperations: number
  processes: ProcessFigures[]
  coldStart: ColdStartFigures | undefined
  isPassed: boolean
}

const tenantCount = 20
const ownKeyCount = 12
const sayEveryMs = 30_000

export async function runLoad(options: LoadOptions): Promise<LoadFigures> {
  const { minutes, operationsPerSecond, throttle, isColdStarted, seed, say } = options
  const reports: MemoryReport[] = []
  const keyhold = await startKeyholdProcess({
    nodeArguments: ['--import', pathToFileURL(path.join(import.meta.dirname, 'report-memory.ts')).href],
    settings: { KEYHOLD_PORT: String(await findFreePort()) },
    onMessage: (message) => reports.push(message as MemoryReport),
  })
  try {
    const random = createSeededRandom(seed)
    const startMs = performance.now()
    const tally = new Tally(startMs)
    const fetch = createObservedFetch(tally)
    const tenants: LoadTenant[] = []
    for (let index = 0; index < tenantCount; index++)
      tenants.push(await createLoadTenant({ keyhold, random, fetch }, index < ownKeyCount))
    keyhold.kms.resetCallCounts()
    if (throttle > 0) keyhold.kms.faults.add({ kind: 'throttle', probability: throttle })
    say(`load for ${minutes} minutes at ${operationsPerSecond} operations a second, seed ${seed}`)

    const endMs = performance.now() + minutes * 60_000
    const telling = setInterval(() => {
      const { operations, errors, down } = tally
      const rssMiB = reports.at(-1)?.rssMiB.toFixed(0) ?? '?'
      const minute = ((performance.now() - startMs) / 60_000).toFixed(1)
      say(`${minute} min: ${operations} operations, ${errors} errors, ${down} down, ${rssMiB} MiB`)
    }, sayEveryMs)
    const givenUp = new AbortController()
    const middle = isColdStarted
      ? pause((minutes * 60_000) / 2, undefined, { signal: givenUp.signal }).then(
          () => coldStart(keyhold, tally),
          () => undefined,
        )
      : Promise.resolve(undefined)
    const parts = { url: keyhold.url, tenants, random, tally, fetch, operationsPerSecond, endMs }
    let wrong = 0
    const driving = drive(parts).catch((error: unknown) => {
      if (!(error instanceof WrongValue)) throw error
      wrong = 1
      givenUp.abort()
      say(`wrong: ${error.message}`)
      return 0
    })
    const [leftOut, coldStartFigures] = await Promise.all([driving, middle]).finally(() => {
      clearInterval(telling)
    })

    const kmsCalls = keyhold.kms.countCalls()
    const { dataOperations, errors } = tally
    const processes = processFigures(reports)
    return {
      seed,
      minutes,
      operationsPerSecond,
      throttle,
      tenants: tenantCount,
      tenantsWithOwnKey: ownKeyCount,
      operations: tally.operations,
      leftOut,
      down: tally.down,
      errors,
      failures: tally.failures,
      wrong,
      replies: tally.replies,
      latencies: tally.figures(),
      dataOperations,
      kmsCalls,
      kmsCallsPerMillionDataOperations: (kmsCalls * 1e6) / (dataOperations.server + dataOperations.local),
      processes,
      coldStart: coldStartFigures,
      isPassed: errors === 0 && wrong === 0 && processes.every(isFlat),
    }
  } finally {
    await keyhold.stop()
  }
}

// Below the ports that systems give to outgoing connections: while the server is down, such a connection could take its
// port, or the load could connect to itself.
async function findFreePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 10_000)
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer()
      server.once('error', () => {
        resolve(false)
      })
      server.listen(port, '127.0.0.1', () => {
        server.close(() => {
          resolve(true)
        })
      })
    })
    if (isFree) return port
  }
}

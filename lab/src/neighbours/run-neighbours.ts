// One tenant floods a server in every way. Measured in windows by turns: how long the neighbour's replies take beside
// each flood, and how long without; whether one of its requests fails; and how much the server's memory grows.
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { embeddedConnection } from '../../../testkit/src/process/embedded-connection.ts'
import { startKeyholdProcess } from '../../../testkit/src/process/keyhold-process.ts'
import { percentile } from '../../../testkit/src/statistics/percentile.ts'
import { loadAverage } from '../load-average.ts'
import { sqlOf } from '../rows/sql.ts'
import { startChild, type Child } from './child.ts'
import type { FloodScene } from './flood-scene.ts'
import type { FloodName } from './floods.ts'
import type { NeighbourFigures } from './neighbour-process.ts'
import { prepareScene } from './prepare-scene.ts'
import { residentMib, watchMemory } from './watch-memory.ts'

export interface NeighboursOptions {
  floods: readonly FloodName[]
  windowSeconds: number
  requestsPerSecond: number
  cipherkeys: number
  say: (line: string) => void
}

/** The neighbour's requests in one window, in milliseconds from when each was due to the end of its reply. */
export interface Window {
  requests: number
  p50Ms: number
  p99Ms: number
  /** Answers that were no success, with their number. */
  failures: Record<string, number>
}

export interface FloodResult {
  flood: FloodName
  without: Window
  beside: Window
  p99Ratio: number
  /** Of the server's resident memory: its highest in the window, less what it was before. */
  memoryGrowthMib: number
  /** The outcomes of the flood's own requests. */
  met: Record<string, number>
}

export interface NeighboursResult {
  floods: FloodResult[]
  /** How many of the neighbour's requests failed, in all windows. */
  failed: number
  loadAverage: number
}

const settleMs = 1_000
const recoverMs = 3_000
const warmUpMs = 5_000
// Undoes what the settings of all experiments say: the product's own limits are part of the answer.
const usualLimits = Object.fromEntries(
  [
    'KEYHOLD_TIER_1_REQUESTS_PER_MINUTE',
    'KEYHOLD_TIER_2_REQUESTS_PER_MINUTE',
    'KEYHOLD_MANAGEMENT_REQUESTS_PER_MINUTE',
    'KEYHOLD_TENANT_MANAGEMENT_REQUESTS_PER_MINUTE',
    'KEYHOLD_DATA_REQUESTS_PER_SECOND',
    'KEYHOLD_TENANT_DATA_REQUESTS_PER_SECOND',
    'KEYHOLD_UNKNOWN_KEYS_PER_MINUTE',
  ].map((name) => [name, '']),
)

export async function runNeighbours(options: NeighboursOptions): Promise<NeighboursResult> {
  const { floods, windowSeconds, say } = options
  const keyhold = await startKeyholdProcess({ settings: usualLimits })
  const client = new pg.Client(embeddedConnection(keyhold.dataDir))
  await client.connect()
  const sql = sqlOf(client)
  const neighbour = startChild('neighbour-process.ts')
  const memory = watchMemory(keyhold.pid)
  try {
    say(`seeding ${options.cipherkeys} cipherkeys`)
    const { scene, neighbour: itsScene } = await prepareScene(keyhold, sql, options)
    neighbour.tell(itsScene)
    await sleep(warmUpMs)
    const results: FloodResult[] = []
    for (const flood of floods) {
      await take(neighbour)
      await sleep(windowSeconds * 1_000)
      const without = windowOf(await take(neighbour))
      const beforeMib = residentMib(keyhold.pid)
      memory.takePeakMib()

      if (flood.endsWith('fence held')) {
        await sql('begin')
        await sql('select from keyhold.fence_alone($1)', [scene.tenantId])
      }
      const flooding = startFlood(flood, scene)
      await sleep(settleMs)
      await take(neighbour)
      await sleep(windowSeconds * 1_000)
      const beside = windowOf(await take(neighbour))
      const memoryGrowthMib = Math.max(0, Math.round(memory.takePeakMib() - beforeMib))
      const met = await flooding.stop()
      if (flood.endsWith('fence held')) await sql('rollback')

      const p99Ratio = rounded(beside.p99Ms / without.p99Ms)
      results.push({ flood, without, beside, p99Ratio, memoryGrowthMib, met })
      say(`${flood}: p99 ${without.p99Ms} -> ${beside.p99Ms} ms, ${memoryGrowthMib} MiB`)
      await sleep(recoverMs)
    }
    const failures = results.flatMap(({ without, beside }) => [without.failures, beside.failures])
    const failed = failures.flatMap((each) => Object.values(each)).reduce((sum, count) => sum + count, 0)
    return { floods: results, failed, loadAverage: loadAverage() }
  } finally {
    memory.stop()
    await neighbour.end()
    await client.end()
    await keyhold.stop()
  }
}

function startFlood(flood: FloodName, scene: FloodScene): { stop(): Promise<Record<string, number>> } {
  const child = startChild('flood-process.ts')
  child.tell({ flood, scene })
  return {
    async stop() {
      const met = child.next()
      child.tell('stop')
      const late = sleep(recoverMs, {})
      const answers = (await Promise.race([met, late])) as Record<string, number>
      await child.end()
      return answers
    },
  }
}

async function take(neighbour: Child): Promise<NeighbourFigures> {
  const figures = neighbour.next()
  neighbour.tell('take')
  return (await figures) as NeighbourFigures
}

function windowOf({ tookMs, answers }: NeighbourFigures): Window {
  const failures = Object.fromEntries(Object.entries(answers).filter(([answer]) => !/^2\d\d$/.test(answer)))
  return {
    requests: tookMs.length,
    p50Ms: rounded(percentile(tookMs, 0.5)),
    p99Ms: rounded(percentile(tookMs, 0.99)),
    failures,
  }
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10
}

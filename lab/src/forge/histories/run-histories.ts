// Random histories of what callers and Keyhold itself may do to tenants, over two replicas that act at the same time, lose
// transactions and connections, and restart: no row that they read may count as faulty. There is no attacker, so each alarm is a
// false one. Histories run side by side, since each of them mostly waits for PostgreSQL.
import { isKeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import { setTimeout as pause } from 'node:timers/promises'
import { readRootKeyFile } from '../../../../server/src/kms/root-key-file.ts'
import { createRowMacs } from '../../../../server/src/store/authentic/row-macs.ts'
import { openDatabaseClock } from '../../../../server/src/store/database-clock.ts'
import { isDatabaseUnavailable } from '../../../../server/src/store/database.ts'
import { openTestPostgres } from '../../../../testkit/src/database/test-database.ts'
import { warmRootKey } from '../../../../testkit/src/database/warm-start.ts'
import { createSeededRandom } from '../../../../testkit/src/statistics/seeded-random.ts'
import { openTenantHistory, type TenantHistory, type TenantHistoryParts } from './one-tenant.ts'
import { createSameGeneration } from './same-generation.ts'
import { openReplicaMemory, type ReplicaMemory } from './replica-memory.ts'

export interface HistoriesOptions {
  histories: number
  /** Of each history. */
  steps: number
  seed: number
  /** How many histories run at the same time, each in a database of its own. Default: 1. */
  lanes?: number
  /** Asked before each history: whether this is enough. Default: never. */
  isOver?: () => boolean
  say: (line: string) => void
}

export interface HistoriesResult {
  histories: number
  /** Steps, and how many of them ended without an error. */
  steps: number
  done: number
  /** By the code of the refusal. */
  refusals: Record<string, number>
  restarts: number
  /** How often all connections were cut while something was done. */
  failovers: number
  /** Generations that were kept outside of the database, and known after restarts. */
  kept: number
  /** Of the processor, in this process and per history. */
  cpuMs: number
  /** False alarms, and errors that nobody may meet. */
  problems: string[]
}

const mostProblems = 20
const keepShare = 0.3
// Of each replica.
const mostConnections = 5
const outageMs = 120_000
const restartShare = 0.08
const compareShare = 0.3
// Nothing is vacuumed meanwhile, and what was updated stays in the tables.
const historiesPerDatabase = 1_000
const sayEvery = 100

export async function runHistories(options: HistoriesOptions): Promise<HistoriesResult> {
  const { histories, seed, lanes = 1, isOver = () => false, say } = options
  const result: HistoriesResult = {
    ...{ histories: 0, steps: 0, done: 0, refusals: {}, restarts: 0, failovers: 0, kept: 0, cpuMs: 0 },
    problems: [],
  }
  const [begunMs, begunCpu] = [performance.now(), process.cpuUsage()]
  let next = 0
  const goesOn = () => next < histories && result.problems.length < mostProblems && !isOver()

  function cpuMsPerHistory(): number {
    const { user, system } = process.cpuUsage(begunCpu)
    return Math.round((user + system) / 100 / Math.max(1, result.histories)) / 10
  }

  async function runLane(): Promise<void> {
    while (goesOn()) {
      const lane = await openLane(options, result)
      try {
        for (let left = historiesPerDatabase; left > 0 && goesOn(); left--) {
          const number = next++
          await lane.run(seed + number)
          result.histories++
          if (result.histories % sayEvery !== 0) continue
          const minutes = ((performance.now() - begunMs) / 60_000).toFixed(1)
          say(
            `${result.histories} histories, ${result.steps} steps, ${minutes} minutes, ${cpuMsPerHistory()} ms of the processor each`,
          )
        }
      } finally {
        await lane.close()
      }
    }
  }

  // Histories from before it count all the same.
  const fail = (error: unknown) => result.problems.push(`a lane ended: ${String(error)}`)
  await Promise.all(Array.from({ length: lanes }, () => runLane().catch(fail)))
  result.cpuMs = cpuMsPerHistory()
  return result
}

interface Lane {
  run: (seed: number) => Promise<void>
  close: () => Promise<void>
}

/** Two replicas over a database of their own. */
async function openLane({ steps }: HistoriesOptions, result: HistoriesResult): Promise<Lane> {
  const postgres = await openTestPostgres()
  const connection = await postgres.createStartedDatabase()
  const dbs = [
    postgres.open(connection, mostConnections),
    postgres.open(connection, mostConnections),
  ] as const
  const clock = await openDatabaseClock(dbs[0])
  const { rows } = await sql<{ id: string }>`select id from keyhold.installation`.execute(dbs[0])
  const rootKey = await readRootKeyFile(warmRootKey())
  const [installation] = rows
  if (rootKey === undefined || installation === undefined) throw new Error('there is no root key')
  let place = ''
  const report = (problem: string) => result.problems.push(`${place}: ${problem}`)
  const macs = createRowMacs(({ table, key, fault }) =>
    report(`a row of ${table} (${key}) is called ${fault}`),
  )
  macs.open({
    ...{ rootKeyId: rootKey.id, rootKey: rootKey.key, installationId: installation.id },
    requiresMacs: true,
  })
  const openMemory = (db: (typeof dbs)[number]) =>
    openReplicaMemory({
      ...{ db, clock, macs },
      onKept: (records) => {
        result.kept += records
      },
      onOlder: (tenantId) => report(`${tenantId} is called older`),
    })
  let cutting = Promise.resolve<unknown>(undefined)
  const cutConnections = () => {
    result.failovers++
    cutting = postgres
      .query(
        { ...connection, database: 'postgres' },
        'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1',
        [connection.database],
      )
      .catch(ignoreOutage)
  }

  async function run(seed: number): Promise<void> {
    place = `history of seed ${seed}`
    const random = createSeededRandom(seed)
    const memories: [ReplicaMemory, ReplicaMemory] = [openMemory(dbs[0]), openMemory(dbs[1])]
    const stores = [memories[0].store, memories[1].store] as const
    const history = await openHistory({ db: dbs[0], stores, random, cutConnections })
    const findSameGeneration = createSameGeneration(dbs[0], history.tenantId)
    for (let step = 0; step < steps; step++) {
      place = `history of seed ${seed}, step ${step}`
      if (random.next() < restartShare) {
        const at = random.integer(0, 1) as 0 | 1
        memories[at] = memories[at].reopen()
        history.restart(at, memories[at].store)
        result.restarts++
      }
      // Often two at the same time.
      const acts = Array.from({ length: random.integer(1, 2) }, () => history.draw())
      if (random.next() < keepShare) acts.push({ name: 'keep generations', run: random.pick(memories).keep })
      place += `, ${acts.map(({ name }) => name).join(' beside ')}`
      for (const outcome of await Promise.allSettled(acts.map(async ({ run: act }) => act()))) {
        result.steps++
        if (outcome.status === 'fulfilled') {
          result.done++
          continue
        }
        const code = codeOf(outcome.reason)
        result.refusals[code] = (result.refusals[code] ?? 0) + 1
        if (alarms.has(code)) report(String(outcome.reason))
      }
      await cutting
      if (random.next() >= compareShare) continue
      const same = await findSameGeneration().catch(ignoreOutage)
      for (const name of same) report(`changed, and still ${name}`)
    }
  }

  return { run, close: () => postgres.stop() }
}

/**
 * After a failover some connections are found to be gone only when they are used, and on a busy machine new ones may take longer
 * than a replica waits.
 */
async function openHistory(parts: TenantHistoryParts): Promise<TenantHistory> {
  const endMs = performance.now() + outageMs
  for (;;) {
    try {
      return await openTenantHistory(parts)
    } catch (error) {
      if (performance.now() > endMs || !isDatabaseUnavailable(error)) throw error
      await pause(1_000)
    }
  }
}

function ignoreOutage(error: unknown): string[] {
  if (isDatabaseUnavailable(error)) return []
  throw error
}

// An error without a code is a mistake of Keyhold's or of this experiment.
const alarms = new Set(['ERR_RECORD_NOT_AUTHENTIC', 'ERR_ROOT_KEY_OUTDATED', 'ERR_INTERNAL', 'none'])

function codeOf(error: unknown): string {
  if (isKeyholdError(error)) return error.code
  return isDatabaseUnavailable(error) ? 'ERR_DATABASE_UNAVAILABLE' : 'none'
}

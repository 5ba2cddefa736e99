// One replica of Keyhold as a process of its own. It is killed, stopped and continued by its id, and started again.
import { setTimeout as sleep } from 'node:timers/promises'
import type { ArmedFailpoint } from '../../../server/src/migration/engine/failpoint.ts'
import { serveInProcess, type ServedProcess } from '../process/serve-in-process.ts'

function failpointIn(line: string): ArmedFailpoint | undefined {
  if (!line.includes('"failpoint":')) return undefined
  return (JSON.parse(line) as { failpoint: ArmedFailpoint }).failpoint
}

const startTimeoutMs = 60_000

export interface Replica {
  readonly name: string
  /** Undefined while it does not serve. */
  readonly url: string | undefined
  /** Whether there is a process, also one that does not serve yet. */
  readonly isRunning: boolean
  /** How long it has served. */
  readonly servingMs: number
  /** How often it was ended by SIGKILL, by us or by a failpoint. */
  readonly kills: number
  /** The failpoints that it was started with. */
  readonly failpoints: string | undefined
  /** The failpoints that have acted, in all its lives. */
  readonly acted: readonly Pick<ArmedFailpoint, 'name' | 'action'>[]
  /** Starts it, with failpoints as KEYHOLD_FAILPOINTS takes them. Answers once it is ready, or has died. */
  start(failpoints?: string): Promise<void>
  kill(): Promise<void>
  /** Stops the process for this long, and then continues it. */
  freeze(milliseconds: number): Promise<void>
  stop(): Promise<void>
}

export function createReplica(
  name: string,
  environment: Record<string, string>,
  onLine: (line: string) => void,
): Replica {
  let running: ServedProcess | undefined
  let ended: Promise<unknown> = Promise.resolve()
  let url: string | undefined
  let readyMs = Number.POSITIVE_INFINITY
  let kills = 0
  let armed: string | undefined
  const acted: ArmedFailpoint[] = []

  function read(line: string): void {
    const failpoint = failpointIn(line)
    if (failpoint !== undefined) acted.push(failpoint)
    else if (line !== '') onLine(`${name}: ${line}`)
  }

  async function start(failpoints?: string): Promise<void> {
    const started = serveInProcess({
      environment: { ...environment, ...(failpoints !== undefined && { KEYHOLD_FAILPOINTS: failpoints }) },
      onLine: read,
    })
    running = started
    armed = failpoints
    ended = started.ended.then((signal) => {
      if (running === started) {
        running = undefined
        url = undefined
        readyMs = Number.POSITIVE_INFINITY
      }
      if (signal === 'SIGKILL') kills += 1
    })
    const timeout = sleep(startTimeoutMs, undefined, { ref: false })
    const found = await Promise.race([
      started.listening.catch(() => undefined),
      ended.then(() => undefined),
      timeout,
    ])
    if (running !== started) return
    url = found
    readyMs = performance.now()
  }

  return {
    name,
    get url() {
      return url
    },
    get isRunning() {
      return running !== undefined
    },
    get servingMs() {
      return Math.max(0, performance.now() - readyMs)
    },
    get kills() {
      return kills
    },
    get failpoints() {
      return armed
    },
    acted,
    start,
    async kill() {
      running?.kill('SIGKILL')
      await ended
    },
    async freeze(milliseconds) {
      const frozen = running
      frozen?.kill('SIGSTOP')
      await sleep(milliseconds)
      frozen?.kill('SIGCONT')
    },
    async stop() {
      running?.kill('SIGTERM')
      await ended
    },
  }
}

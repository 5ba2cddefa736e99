// One replica of Keyhold as a process of its own: killed, stopped and continued by its id, and started again.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ArmedFailpoint } from '../../../server/src/migration/engine/failpoint.ts'

function failpointIn(line: string): ArmedFailpoint | undefined {
  if (!line.includes('"failpoint":')) return undefined
  return (JSON.parse(line) as { failpoint: ArmedFailpoint }).failpoint
}

const command = path.join(import.meta.dirname, '../../../server/src/command.ts')
const startTimeoutMs = 60_000

export interface Replica {
  readonly name: string
  /** Undefined while it does not serve. */
  readonly url: string | undefined
  /** Whether there is a process, be it on its way to serve. */
  readonly isRunning: boolean
  /** For how long it has served. */
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
  /** Stands still for so long, then goes on. */
  freeze(milliseconds: number): Promise<void>
  stop(): Promise<void>
}

export function createReplica(
  name: string,
  environment: Record<string, string>,
  onLine: (line: string) => void,
): Replica {
  let child: ChildProcess | undefined
  let ended: Promise<unknown> = Promise.resolve()
  let url: string | undefined
  let readyMs = Number.POSITIVE_INFINITY
  let kills = 0
  let armed: string | undefined
  const acted: ArmedFailpoint[] = []

  async function start(failpoints?: string): Promise<void> {
    const started = spawn(process.execPath, [command, 'serve'], {
      env: {
        PATH: process.env.PATH,
        NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
        ...environment,
        ...(failpoints !== undefined && { KEYHOLD_FAILPOINTS: failpoints }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    child = started
    armed = failpoints
    const progress: { url?: string; isOver: boolean } = { isOver: false }
    ended = once(started, 'exit').then(([, signal]) => {
      progress.isOver = true
      if (child === started) {
        child = undefined
        url = undefined
        readyMs = Number.POSITIVE_INFINITY
      }
      if (signal === 'SIGKILL') kills += 1
    })
    let output = ''
    const read = (chunk: unknown) => {
      output += String(chunk)
      const [, found] = /listens on (\S+)/.exec(output) ?? []
      if (found !== undefined) progress.url = found
      const lines = output.split('\n')
      output = lines.pop() ?? ''
      for (const line of lines) {
        const failpoint = failpointIn(line)
        if (failpoint !== undefined) acted.push(failpoint)
        else if (line !== '') onLine(`${name}: ${line}`)
      }
    }
    started.stdout.on('data', read)
    started.stderr.on('data', read)
    for (
      let waitedMs = 0;
      progress.url === undefined && !progress.isOver && waitedMs < startTimeoutMs;
      waitedMs += 20
    )
      await sleep(20)
    if (child !== started) return
    url = progress.url
    readyMs = performance.now()
  }

  return {
    name,
    get url() {
      return url
    },
    get isRunning() {
      return child !== undefined
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
      child?.kill('SIGKILL')
      await ended
    },
    async freeze(milliseconds) {
      const frozen = child
      frozen?.kill('SIGSTOP')
      await sleep(milliseconds)
      frozen?.kill('SIGCONT')
    },
    async stop() {
      child?.kill('SIGTERM')
      await ended
    },
  }
}

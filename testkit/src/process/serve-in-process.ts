// Runs `keyhold-server serve` as a process of its own: answers its URL, passes on its lines, and says how it ended.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

/** The program of the command `keyhold-server`. */
export const serverCommand = path.join(import.meta.dirname, '../../../server/src/command.ts')

// How long the last lines of a process that has ended may be on their way.
const lastLinesMs = 100

export interface ServedProcess {
  readonly pid: number
  /** Its URL, once it listens; rejects when the process ends before. */
  readonly listening: Promise<string>
  /** The signal that ended it, or its exit code when it ended by itself. */
  readonly ended: Promise<NodeJS.Signals | number>
  readonly kill: (signal: NodeJS.Signals) => void
}

export interface ServeOptions {
  /** `KEYHOLD_…` variables. */
  environment: Record<string, string>
  /** For Node, such as `--cpu-prof`. */
  nodeArguments?: readonly string[]
  /** Default: this one. */
  node?: string
  /** The program of `keyhold-server`; default: that of this repository. */
  program?: string
  /** Receives each line of its log and its standard error. */
  onLine?: (line: string) => void
  /** Receives the messages of its channel. Without this it has no channel. */
  onMessage?: ((message: unknown) => void) | undefined
}

export function serveInProcess({
  environment,
  nodeArguments = [],
  node = process.execPath,
  program = serverCommand,
  onLine,
  onMessage,
}: ServeOptions): ServedProcess {
  const child = spawn(node, [...nodeArguments, program, 'serve'], {
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      // Nobody sends requests to a server that a test stops.
      KEYHOLD_DRAIN_SECONDS: '0',
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe', ...(onMessage === undefined ? [] : (['ipc'] as const))],
  })
  if (child.pid === undefined) throw new Error('the server has no process')
  if (onMessage !== undefined) child.on('message', onMessage)
  const ended = once(child, 'exit').then(
    ([exitCode, signal]) => (signal ?? exitCode) as NodeJS.Signals | number,
  )
  const listening = Promise.withResolvers<string>()
  // The lines before it listens say why it does not start.
  let firstLines: string[] | undefined = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) throw new Error('the server has no output')
    // Reading goes on to the end: a full pipe would hold up the server.
    createInterface(stream).on('line', (line) => {
      firstLines?.push(line)
      const [, url] = /listens on (\S+)/.exec(line) ?? []
      if (url !== undefined) {
        firstLines = undefined
        listening.resolve(url)
      }
      onLine?.(line)
    })
  }
  // Not at the event 'close': a PostgreSQL that outlives the server keeps the pipes open.
  void ended.then(async () => {
    await sleep(lastLinesMs)
    listening.reject(new Error(`the server did not start: ${firstLines?.join('\n') ?? ''}`))
  })
  // A process that is killed before it listens is no failure of the caller who killed it.
  listening.promise.catch(() => undefined)
  return {
    pid: child.pid,
    listening: listening.promise,
    ended,
    kill: (signal) => child.kill(signal),
  }
}

// Starts the process of a replica, and speaks with it.
import { fork } from 'node:child_process'
import path from 'node:path'
import type { ProbeAnswer } from '../main.ts'
import type { ReplicaPart } from '../settings/replica-part.ts'
import type { Environment } from '../settings/setting.ts'
import type { FromReplica, Question, StartedReplica, ToReplica } from './replica-messages.ts'

/** How a process has ended. */
export interface Ended {
  code: number | null
  signal: NodeJS.Signals | null
}

export interface ReplicaProcess {
  readonly pid: number
  /** Undefined: it has ended before it served, and has said why on its standard error. */
  readonly started: Promise<StartedReplica | undefined>
  readonly ended: Promise<Ended>
  /** Undefined: it does not answer in time, or cannot say. */
  ask(about: Question, timeoutMs: number): Promise<string | ProbeAnswer | undefined>
  drain(): void
  /** It ends within ten seconds. */
  stop(): void
  kill(): void
}

export interface ForkOptions {
  part: ReplicaPart
  port: number
  environment: Environment
  /** For its Node, besides those of this process. */
  nodeArguments: readonly string[]
}

// TypeScript beside this file in the repository, JavaScript in the package.
const program = new URL(`replica-process${path.extname(import.meta.url)}`, import.meta.url)

/** @throws Error where the system starts no process */
export function forkReplica({ part, port, environment, nodeArguments }: ForkOptions): ReplicaProcess {
  const child = fork(program, [], {
    env: { ...environment },
    execArgv: [...process.execArgv, ...nodeArguments],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const started = Promise.withResolvers<StartedReplica | undefined>()
  const ended = Promise.withResolvers<Ended>()
  const underWay = new Map<number, (said: string | ProbeAnswer | undefined) => void>()
  let lastId = 0

  // One that is gone hears nothing, and its end is told apart.
  const say = (message: ToReplica) => {
    if (child.connected) child.send(message, () => undefined)
  }
  const end = (how: Ended) => {
    started.resolve(undefined)
    ended.resolve(how)
    for (const settle of underWay.values()) settle(undefined)
  }
  child.on('message', (message: FromReplica) => {
    if (message.type === 'started') started.resolve(message)
    else underWay.get(message.id)?.(message.said)
  })
  child.once('exit', (code, signal) => {
    end({ code, signal })
  })
  // It was not started, or a message did not reach it.
  child.on('error', () => {
    if (child.pid === undefined) end({ code: 1, signal: null })
  })
  say({ type: 'start', part, port })
  return {
    pid: child.pid ?? 0,
    started: started.promise,
    ended: ended.promise,
    ask(about, timeoutMs) {
      const id = ++lastId
      const { promise, resolve } = Promise.withResolvers<string | ProbeAnswer | undefined>()
      const timer = setTimeout(resolve, timeoutMs, undefined)
      underWay.set(id, resolve)
      say({ type: 'ask', id, about })
      if (!child.connected) resolve(undefined)
      return promise.finally(() => {
        clearTimeout(timer)
        underWay.delete(id)
      })
    },
    drain() {
      say({ type: 'drain' })
    },
    stop() {
      say({ type: 'stop' })
    },
    kill() {
      child.kill('SIGKILL')
    },
  }
}

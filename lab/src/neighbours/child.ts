// A program of this folder as a process of its own, with messages to and from it.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'

export interface Child {
  tell(message: object | string): void
  /** The next message. */
  next(): Promise<unknown>
  end(): Promise<void>
}

export function startChild(program: string): Child {
  const child: ChildProcess = fork(path.join(import.meta.dirname, program), { execArgv: [] })
  return {
    tell(message) {
      child.send(message)
    },
    async next() {
      const [message] = (await once(child, 'message')) as [unknown]
      return message
    },
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
  }
}

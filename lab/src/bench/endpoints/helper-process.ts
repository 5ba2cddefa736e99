// Runs a module as a process of its own, which answers messages until it is ended.
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'

export interface HelperProcess {
  readonly pid: number
  /** The next message that it sends. */
  receive(): Promise<unknown>
  send(message: object): void
  stop(): Promise<void>
}

/** @param module - a file beside this one; its process ends when its channel closes */
export function startHelper(module: string): HelperProcess {
  // Without the arguments of this process, which may come from a test runner.
  const child: ChildProcess = fork(path.join(import.meta.dirname, module), { execArgv: [] })
  if (child.pid === undefined) throw new Error(`${module} did not start`)
  return {
    pid: child.pid,
    receive: () =>
      new Promise((resolve, reject) => {
        const onExit = () => {
          reject(new Error(`${module} ended`))
        }
        child.once('exit', onExit)
        child.once('message', (message) => {
          child.off('exit', onExit)
          resolve(message)
        })
      }),
    send: (message) => {
      child.send(message)
    },
    async stop() {
      const ended = once(child, 'exit')
      child.disconnect()
      await ended
    },
  }
}

// The server as a process of its own, so that it can be killed.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'

const command = path.join(import.meta.dirname, '../../src/command.ts')

export interface ChildServer {
  url: string
  /** The signal that ended it, or null when it exited by itself. */
  ended: Promise<NodeJS.Signals | null>
  stop(): Promise<void>
}

/** Starts `keyhold-server serve` and answers once it is ready. */
export async function startChildServer(environment: Record<string, string>): Promise<ChildServer> {
  const child = spawn(process.execPath, [command, 'serve'], {
    env: { PATH: process.env.PATH, ...environment, KEYHOLD_PORT: '0', KEYHOLD_LOG_LEVEL: 'error' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const ended = once(child, 'exit').then(([, signal]) => signal as NodeJS.Signals | null)
  const url = await listeningUrl(child)
  return {
    url,
    ended,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function listeningUrl(child: ChildProcess): Promise<string> {
  let output = ''
  for await (const chunk of child.stderr ?? []) {
    output += String(chunk)
    const url = /listens on (\S+)/.exec(output)?.[1]
    if (url !== undefined) return url
  }
  throw new Error(`the server did not start: ${output}`)
}

// `keyhold-server serve` as a process of its own, on a data directory and a local KMS of its own.
import { startLocalKms, type LocalKms } from '@keyhold/local-kms'
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { keyholdAccount } from './customer-key.ts'

const command = path.join(import.meta.dirname, '../../server/src/command.ts')

export interface KeyholdProcess {
  readonly url: string
  readonly pid: number
  readonly kms: LocalKms
  readonly operatorToken: string
  readonly dataDir: string
  /** Ends the process, with SIGKILL like a crash, and starts another one, which holds no keys yet. */
  restart(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
  stop(): Promise<void>
}

export interface KeyholdProcessOptions {
  /** For its Node, such as `--cpu-prof`: see what the time is spent on. */
  nodeArguments?: string[]
  /** `KEYHOLD_…` variables besides the usual ones, or instead of them. */
  settings?: Record<string, string>
  /** What the process sends over its channel, which it has only with this. */
  onMessage?: (message: unknown) => void
}

export async function startKeyholdProcess({
  nodeArguments = [],
  settings = {},
  onMessage,
}: KeyholdProcessOptions = {}): Promise<KeyholdProcess> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-bench-'))
  const kms = await startLocalKms()
  const environment = {
    PATH: process.env.PATH,
    KEYHOLD_PORT: '0',
    KEYHOLD_LOG_LEVEL: 'error',
    KEYHOLD_DATA_DIR: path.join(folder, 'data'),
    KEYHOLD_KMS_ENDPOINT: kms.url,
    KEYHOLD_KMS_ACCESS_KEY_ID: keyholdAccount,
    KEYHOLD_KMS_SECRET_ACCESS_KEY: 'test',
    ...settings,
  }

  async function start(): Promise<{ child: ChildProcess; url: string; pid: number }> {
    const child = spawn(process.execPath, [...nodeArguments, command, 'serve'], {
      env: environment,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe', ...(onMessage === undefined ? [] : (['ipc'] as const))],
    })
    if (onMessage !== undefined) child.on('message', onMessage)
    const url = await readUrl(child)
    // Nobody reads on: a full pipe would hold up the server.
    child.stderr?.resume()
    if (child.pid === undefined) throw new Error('the server has no process')
    return { child, url, pid: child.pid }
  }

  async function end(child: ChildProcess, signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const ended = once(child, 'exit')
    child.kill(signal)
    await ended
  }

  let running = await start()
  const { stdout } = await promisify(execFile)(process.execPath, [command, 'create-operator-key'], {
    env: environment,
    cwd: folder,
  })
  return {
    get url() {
      return running.url
    },
    get pid() {
      return running.pid
    },
    kms,
    operatorToken: stdout.trim(),
    dataDir: environment.KEYHOLD_DATA_DIR,
    async restart(signal) {
      await end(running.child, signal)
      running = await start()
    },
    async stop() {
      await end(running.child)
      await kms.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function readUrl(child: ChildProcess): Promise<string> {
  let output = ''
  const { stderr } = child
  if (stderr === null) throw new Error('the server has no standard error')
  return new Promise((resolve, reject) => {
    stderr.on('data', (chunk) => {
      output += String(chunk)
      const url = /listens on (\S+)/.exec(output)?.[1]
      if (url !== undefined) resolve(url)
    })
    child.once('exit', () => {
      reject(new Error(`the server did not start: ${output}`))
    })
  })
}

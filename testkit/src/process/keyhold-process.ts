// A whole Keyhold as a process of its own, on a data directory and a local KMS of its own.
import { startLocalKms, type LocalKms, type LocalKmsOptions } from '@keyhold/local-kms'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { createRootKey } from '../../../server/src/wiring/commands/create-root-key.ts'
import { keyholdSettings } from './keyhold-settings.ts'
import { serveInProcess, serverCommand, type ServedProcess } from './serve-in-process.ts'

export interface KeyholdProcess {
  readonly url: string
  readonly pid: number
  readonly kms: LocalKms
  readonly operatorToken: string
  readonly dataDir: string
  /** Ends the process, with SIGKILL like a crash, and starts another one, which holds no keys yet. */
  restart(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Does something with the data directory while no process uses it. */
  whileStopped<Result>(work: () => Promise<Result>): Promise<Result>
  stop(): Promise<void>
}

export interface KeyholdProcessOptions {
  /** For its Node, such as `--cpu-prof`, which shows what the time is spent on. */
  nodeArguments?: string[]
  /** `KEYHOLD_…` variables besides the usual ones, or instead of them. */
  settings?: Record<string, string>
  /** For its local KMS. */
  kms?: LocalKmsOptions
  /** Receives what the process sends over its channel, which it has only with this. */
  onMessage?: (message: unknown) => void
}

export async function startKeyholdProcess({
  nodeArguments = [],
  settings = {},
  kms: kmsOptions,
  onMessage,
}: KeyholdProcessOptions = {}): Promise<KeyholdProcess> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-process-'))
  const dataDir = path.join(folder, 'data')
  const kms = await startLocalKms(kmsOptions)
  const environment = {
    ...keyholdSettings({ dataDir, kmsUrl: kms.url }),
    KEYHOLD_LOG_LEVEL: 'error',
    ...settings,
  }

  async function start(): Promise<{ served: ServedProcess; url: string }> {
    const served = serveInProcess({ environment, nodeArguments, onMessage })
    return { served, url: await served.listening }
  }

  async function end({ served }: typeof running, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    served.kill(signal)
    await served.ended
  }

  await createRootKey({ dataDir, rootKeyFile: undefined })
  let running = await start()
  const { stdout } = await promisify(execFile)(process.execPath, [serverCommand, 'create-operator-key'], {
    env: { PATH: process.env.PATH, ...environment },
    cwd: folder,
  })
  return {
    get url() {
      return running.url
    },
    get pid() {
      return running.served.pid
    },
    kms,
    operatorToken: stdout.trim(),
    dataDir,
    async restart(signal) {
      await end(running, signal)
      running = await start()
    },
    async whileStopped(work) {
      await end(running)
      const result = await work()
      running = await start()
      return result
    },
    async stop() {
      await end(running)
      await kms.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

// One run of PostgreSQL's server process: start, wait until it serves, stop. It does not restart it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { spawnAs, type Account } from './account.ts'

// A fast shutdown rolls back, writes a checkpoint and ends; without it the next start recovers from the log.
// Both limits fit into the ten seconds in which all of Keyhold must end.
const patience = { immediateAfterMs: 5_000, killAfterMs: 7_500 }
// A server that answered nothing while Keyhold wanted to end has had its time already.
const shortPatience = { immediateAfterMs: 500, killAfterMs: 2_000 }

/** How to run the server. */
export interface PostmasterOptions {
  account: Account
  binaries: string
  cluster: string
  serverArguments: readonly string[]
  log: (line: string) => void
}

/** A running server process. */
export interface Postmaster {
  readonly pid: number
  /** Settles when the server has ended, in any way, with its last lines. */
  readonly ended: Promise<ServerEnd>
  /** Answers true once the server serves, false if it ended instead. Recovery may take long, so there is no limit. */
  ready(): Promise<boolean>
  /** Ends the server within eight seconds; within two if it is silent. Idempotent. */
  stop(isSilent?: boolean): Promise<void>
}

/** How the server ended, and its last lines. */
export interface ServerEnd {
  status: number | string
  lines: readonly string[]
}

/** Starts the server. Rejects when its program cannot be started. */
export async function startPostmaster(options: PostmasterOptions): Promise<Postmaster> {
  const child = spawnAs(
    options.account,
    join(options.binaries, 'bin', 'postgres'),
    options.serverArguments,
    // The working folder is the cluster from the first moment: a later start recognises an orphan by it.
    { cwd: options.cluster, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  const { stderr } = child
  const lines: string[] = []
  if (stderr !== null) {
    createInterface(stderr).on('line', (line) => {
      if (lines.push(line) > 50) lines.shift()
      options.log(line)
    })
  }
  await once(child, 'spawn')
  child.on('error', (error) => {
    options.log(`embedded PostgreSQL: ${error.message}`)
  })
  const { pid } = child
  if (pid === undefined || stderr === null) throw new Error('the server process has no pid')

  // The database must not keep this process alive when it has nothing else to do.
  child.unref()
  if (stderr instanceof Socket) stderr.unref()
  const dismissWatchdog = watch(pid)

  let running = true
  const ended = new Promise<ServerEnd>((resolve) => {
    child.once('exit', (code, signal) => {
      running = false
      dismissWatchdog()
      const settle = (): void => {
        resolve({ status: code ?? signal ?? 'unknown', lines })
      }
      // The last lines may still be in the pipe; children that outlive a killed server keep it open.
      if (stderr.closed) settle()
      else {
        const lastLines = setTimeout(settle, 200)
        stderr.once('close', () => {
          clearTimeout(lastLines)
          settle()
        })
      }
    })
  })

  const ready = async (): Promise<boolean> => {
    while (running) {
      if (await isReady(options.cluster, pid)) return true
      await sleep(5)
    }
    return false
  }

  let stopping: Promise<void> | undefined
  const stopOnce = async (isSilent: boolean): Promise<void> => {
    const { immediateAfterMs, killAfterMs } = isSilent ? shortPatience : patience
    const timers = [
      setTimeout(() => child.kill('SIGQUIT'), immediateAfterMs),
      setTimeout(() => child.kill('SIGKILL'), killAfterMs),
    ]
    if (running) child.kill('SIGINT')
    await ended
    timers.forEach(clearTimeout)
  }
  return { pid, ended, ready, stop: (isSilent = false) => (stopping ??= stopOnce(isSilent)) }
}

// The first line of postmaster.pid is the process id, the last one the server's state, as pg_ctl reads them
// (PostgreSQL's utils/pidfile.h).
async function isReady(cluster: string, pid: number): Promise<boolean> {
  const text = await readFile(join(cluster, 'postmaster.pid'), 'utf8').catch(() => '')
  return text.startsWith(`${pid}\n`) && text.trimEnd().endsWith('\nready')
}

/**
 * Stops the server when this process dies: the shell waits on a pipe whose other end closes with this process,
 * however it ends. The next start would stop an orphan, but there may never be a next start.
 */
function watch(pid: number): () => void {
  const watchdog = spawn('/bin/sh', ['-c', 'read -r _; kill -INT "$1"', 'keyhold-watchdog', String(pid)], {
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watchdog.on('error', () => undefined)
  watchdog.unref()
  if (watchdog.stdin instanceof Socket) watchdog.stdin.unref()
  watchdog.stdin.on('error', () => undefined)
  return () => {
    watchdog.kill('SIGKILL')
  }
}

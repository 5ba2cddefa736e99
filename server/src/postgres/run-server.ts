// Keeps the server running. It waits while an earlier server releases the cluster, and it starts the server again when
// it ends by itself, for example for lack of memory. Connections then reconnect.

import { setTimeout as sleep } from 'node:timers/promises'
import { embeddedPostgresError, reasonOf } from './embedded-postgres-error.ts'
import { startPostmaster, type Postmaster, type PostmasterOptions, type ServerEnd } from './postmaster.ts'
import { clearSocketDir } from './socket-dir.ts'
import { stopLeftovers } from './stop-leftovers.ts'

// After a kill of everything, lock file and shared memory were measured to block for one to two seconds.
const patienceMs = 15_000
const shortestBackoffMs = 100
const longestBackoffMs = 10_000
// The reason of a stop of a server that does not answer.
const silent = Symbol('silent')

export interface ServerOptions extends PostmasterOptions {
  socketDir: string
}

/** A server that is started again whenever it ends by itself. */
export interface RunningServer {
  /** Ends the server for good; sooner if it is silent. Idempotent. */
  stop(isSilent?: boolean): Promise<void>
}

/**
 * Starts the server and returns when it serves.
 *
 * @throws KeyholdError ERR_EMBEDDED_POSTGRES that quotes the server's own words.
 */
export async function runServer(options: ServerOptions): Promise<RunningServer> {
  const stopping = new AbortController()
  const first = await startUntilReady(options, stopping.signal)
  const supervision = supervise(options, first, stopping.signal)
  return {
    stop: async (isSilent = false) => {
      stopping.abort(isSilent ? silent : undefined)
      await supervision
    },
  }
}

async function supervise(options: ServerOptions, first: Postmaster, stopping: AbortSignal): Promise<void> {
  let server: Postmaster | undefined = first
  let backoffMs = shortestBackoffMs
  for (;;) {
    if (server !== undefined) {
      const startedAt = performance.now()
      const end = await endOf(server, stopping)
      if (stopping.aborted) return
      if (performance.now() - startedAt > longestBackoffMs) backoffMs = shortestBackoffMs
      options.log(`embedded PostgreSQL ended by itself (${end.status}), starting it again`)
    }
    await sleep(backoffMs, undefined, { signal: stopping }).catch(() => undefined)
    if (stopping.aborted) return
    backoffMs = Math.min(backoffMs * 2, longestBackoffMs)
    try {
      server = await startUntilReady(options, stopping)
    } catch (error) {
      server = undefined
      options.log(`embedded PostgreSQL did not start again: ${reasonOf(error)}`)
    }
  }
}

/** Waits for the server's end, and stops it when `stopping` aborts. */
async function endOf(server: Postmaster, stopping: AbortSignal): Promise<ServerEnd> {
  const stop = (): void => void server.stop(stopping.reason === silent)
  stopping.addEventListener('abort', stop)
  if (stopping.aborted) stop()
  const end = await server.ended
  stopping.removeEventListener('abort', stop)
  return end
}

async function startUntilReady(options: ServerOptions, stopping: AbortSignal): Promise<Postmaster> {
  const deadline = performance.now() + patienceMs
  for (;;) {
    await stopLeftovers(options.cluster, options.log)
    await clearSocketDir(options.socketDir)
    const server = await startPostmaster(options).catch((cause: unknown) => {
      throw embeddedPostgresError(
        `The embedded PostgreSQL cannot be started: ${reasonOf(cause)}.`,
        'Install again with npm install.',
        cause,
      )
    })
    const end = await Promise.race([server.ready(), endOf(server, stopping)])
    if (end === true) return server
    const { status, lines } = await server.ended
    if (stopping.aborted || !isStillHeld(lines) || performance.now() > deadline) {
      throw embeddedPostgresError(
        `The embedded PostgreSQL ended with ${status} at its start: ${quote(lines)}`,
        'Correct this and start again.',
      )
    }
    await sleep(100)
  }
}

// PostgreSQL says this (miscinit.c, sysv_shmem.c) about a cluster that another server has not left entirely.
function isStillHeld(lines: readonly string[]): boolean {
  return lines.some((line) => /FATAL: .*(lock file|shared memory block)/.test(line))
}

function quote(lines: readonly string[]): string {
  const telling = lines.filter((line) => /FATAL|PANIC|DETAIL|HINT|error while loading|unshare:/.test(line))
  return (telling.length > 0 ? telling : lines.slice(-3)).join(' ')
}

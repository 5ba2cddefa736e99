// Asks whether the database answers and takes changes, over a connection of its own: a busy pool does not make a replica unready.
import { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { applicationName } from '../../driver/application-name.ts'
import { PinnedClient, pinnedConfig, type DatabaseConnection } from '../../driver/pinned-client.ts'

export interface Readiness {
  /** Whether the database answers within a second that it takes changes, or has not failed to for long. Callers that ask while it is asked share the answer. */
  isReady(): Promise<boolean>
  close(): Promise<void>
}

const maxAnswerMs = 1_000

interface Link {
  client: PinnedClient
  socket: Socket
}

export interface ReadinessOptions {
  /** Makes the socket of a connection. */
  openStream?: () => Socket
  /** How long a silent database still counts as there, from the first question that it does not answer; default 0. */
  graceMs?: number
  /** A clock that never goes back. */
  nowMs?: () => number
}

/**
 * Nothing is connected before the first question, and nobody knows since when a database is silent: so the grace does not
 * depend on how often it is asked.
 */
export function openReadiness(
  connection: DatabaseConnection,
  { openStream = () => new Socket(), graceMs = 0, nowMs = () => performance.now() }: ReadinessOptions = {},
): Readiness {
  let silentSinceMs: number | undefined
  let link: Link | undefined
  let asking: Promise<boolean> | undefined

  function connect(): Link {
    const socket = openStream()
    const client = new PinnedClient({
      ...pinnedConfig(connection, applicationName('readiness')),
      stream: () => socket,
    })
    const made = { client, socket }
    client.on('error', () => {
      drop(made)
    })
    return made
  }

  // A connection that does not answer is not asked again. It would not say that it ends, either.
  function drop(dropped: Link): void {
    if (link === dropped) link = undefined
    dropped.socket.destroy()
  }

  async function question(): Promise<boolean> {
    const isNew = link === undefined
    const asked = (link ??= connect())
    const stop = new AbortController()
    try {
      const answer = (async () => {
        if (isNew) await asked.client.connect()
        await asked.client.askWhetherWritable()
        return true
      })()
      // When the time is over, nobody waits for it any more.
      answer.catch(() => undefined)
      const timeout = setTimeout(maxAnswerMs, false, { signal: stop.signal })
      timeout.catch(() => undefined)
      if (await Promise.race([answer, timeout])) return true
    } catch {
      // Every failure has the same answer.
    } finally {
      stop.abort()
    }
    drop(asked)
    return false
  }

  async function answer(): Promise<boolean> {
    const askedAtMs = nowMs()
    if (await question()) {
      silentSinceMs = undefined
      return true
    }
    silentSinceMs ??= askedAtMs
    return nowMs() - silentSinceMs < graceMs
  }

  return {
    isReady() {
      return (asking ??= answer().finally(() => {
        asking = undefined
      }))
    },
    async close() {
      await asking
      const last = link
      link = undefined
      await last?.client.end().catch(() => undefined)
      last?.socket.destroy()
    },
  }
}

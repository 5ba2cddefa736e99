// Says once that the database is lost, and once that it is back, however many connections and statements fail.
import { setTimeout as pause } from 'node:timers/promises'
import { applicationName } from '../../driver/application-name.ts'
import { PinnedClient, pinnedConfig, type DatabaseConnection } from '../../driver/pinned-client.ts'

export interface DatabaseWatch {
  /** Something has failed: the database may be lost. It is asked, over a connection of its own. */
  suspect: (error: unknown) => void
  close: () => void
}

export interface DatabaseWatchOptions {
  /** Rejects where the database does not answer. */
  ask: () => Promise<void>
  onLost: (error: unknown) => void
  /** Receives how long it was away, as far as this replica noticed. */
  onBack: (seconds: number) => void
  pauseMs?: number
}

const usualPauseMs = 1_000
const answerMs = 3_000

export function createDatabaseWatch({
  ask,
  onLost,
  onBack,
  pauseMs = usualPauseMs,
}: DatabaseWatchOptions): DatabaseWatch {
  const closing = new AbortController()
  const { signal } = closing
  let isAsking = false

  const isClosed = () => signal.aborted
  const answers = () =>
    ask().then(
      () => true,
      () => false,
    )

  async function look(error: unknown): Promise<void> {
    const sinceMs = performance.now()
    if ((await answers()) || isClosed()) return
    onLost(error)
    do {
      await pause(pauseMs, undefined, { signal, ref: false })
    } while (!(await answers()))
    if (!isClosed()) onBack(Math.round((performance.now() - sinceMs) / 1_000))
  }

  return {
    suspect(error) {
      if (isAsking || isClosed()) return
      isAsking = true
      look(error)
        .catch(() => undefined)
        .finally(() => {
          isAsking = false
        })
    },
    close() {
      closing.abort()
    },
  }
}

/** Asks the database whether it takes changes, over a connection that ends with the answer. */
export async function askDatabase(connection: DatabaseConnection): Promise<void> {
  const client = new PinnedClient({
    ...pinnedConfig(connection, applicationName('watch')),
    connectionTimeoutMillis: answerMs,
    query_timeout: answerMs,
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
  } finally {
    // One that does not answer does not say goodbye, either.
    client.end().catch(() => undefined)
  }
}

// A connection of its own on which a replica hears of changes. A connection may be dead without a sign, so it has to give
// one every few seconds: it reads what it has not been told of, and notifies itself. If that fails the replica connects
// again, and reads what it has missed.
import { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { applicationName } from '../../driver/application-name.ts'
import { PinnedClient, pinnedConfig, type DatabaseConnection } from '../../driver/pinned-client.ts'
import { parseChange, type Change } from './change.ts'
import { changesChannel } from './change-queries.ts'
import { createChangeReader, type StoredChange } from './change-reader.ts'
import { parseNotification } from './parse-notification.ts'

/** The signs of life of a connection. */
export interface Beat {
  /** Between two of them. */
  everyMs: number
  /** How long each answer may take. */
  answerMs: number
}

export interface ListenOptions {
  connection: DatabaseConnection
  /** Makes the socket of the connection. Default: the usual one. */
  openStream?: () => Socket
  /** Names this replica: its own changes are not told. */
  origin: string
  beat: Beat
  onChange: (change: Change) => void
  /** Changes may have been missed that cannot be read any more. */
  onUnknown: () => void
  /** Receives why the connection was given up. */
  onError: (error: unknown) => void
  /** How long changes can be read after they were made; by default, for as long as rows are kept. */
  keptMs?: number
}

export interface ChangeListener {
  /** Answers when it hears for the first time, or has failed to. */
  readonly started: Promise<void>
  close(): Promise<void>
}

const firstRetryMs = 250
const maxRetryMs = 5_000

export function listenForChanges(options: ListenOptions): ChangeListener {
  const { connection, openStream = () => new Socket(), origin, beat, onChange, onUnknown, onError } = options
  let isClosed = false
  // The type checker takes a variable for unchanged while something is awaited.
  const isOpen = () => !isClosed
  let current = new AbortController()
  const started = Promise.withResolvers<undefined>()
  let hasStarted = false
  const reader = createChangeReader(() => !hasStarted, options.keptMs)
  // Nobody else listens on it.
  const ownChannel = `keyhold_${origin}`

  function tell({ origin: from, content }: StoredChange): void {
    const change = from === origin ? undefined : parseChange(content)
    if (change !== undefined) onChange(change)
  }

  /** Throws when the connection is lost or gives no sign of life. */
  async function hear(client: PinnedClient, session: AbortController, onHeard: () => void): Promise<void> {
    const { signal } = session
    let echo = Promise.withResolvers<undefined>()
    client.on('error', (error) => {
      session.abort(error)
    })
    client.on('end', () => {
      session.abort(new Error('the connection has ended'))
    })
    client.on('notification', ({ channel, payload = '' }) => {
      if (channel === ownChannel) echo.resolve(undefined)
      else {
        const told = parseNotification(payload)
        if (told !== undefined && reader.isNew(told)) tell(told)
      }
    })
    await inTime(client.connect(), beat.answerMs, signal)
    await inTime(client.query(`listen ${changesChannel}`), beat.answerMs, signal)
    await inTime(client.query(`listen "${ownChannel}"`), beat.answerMs, signal)
    for (;;) {
      echo = Promise.withResolvers()
      const missed = reader.accept(await inTime(reader.read(client, ownChannel), beat.answerMs, signal))
      if (missed === undefined) onUnknown()
      else for (const change of missed) tell(change)
      await inTime(echo.promise, beat.answerMs, signal)
      onHeard()
      await sleep(beat.everyMs, undefined, { signal })
    }
  }

  async function run(): Promise<void> {
    let retryMs = firstRetryMs
    while (isOpen()) {
      const session = (current = new AbortController())
      const socket = openStream()
      const client = new PinnedClient({
        ...pinnedConfig(connection, applicationName('notifications')),
        stream: () => socket,
        keepAlive: true,
      })
      await hear(client, session, () => {
        retryMs = firstRetryMs
        start()
      }).catch((error: unknown) => {
        if (isOpen()) onError(session.signal.aborted ? session.signal.reason : error)
      })
      // The driver would wait for an answer of the other end.
      socket.destroy()
      start()
      if (!isOpen()) return
      current = new AbortController()
      await sleep(retryMs, undefined, { signal: current.signal }).catch(() => undefined)
      retryMs = Math.min(retryMs * 2, maxRetryMs)
    }
  }

  function start(): void {
    hasStarted = true
    started.resolve(undefined)
  }

  const running = run()
  return {
    started: started.promise,
    async close() {
      isClosed = true
      current.abort()
      await running
    },
  }
}

/** Rejects when the session is over, and after `withinMs`. */
function inTime<Result>(work: Promise<Result>, withinMs: number, session: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      over(new Error('the connection for notifications gives no sign of life'))
    }, withinMs)
    const over = (error: unknown) => {
      clearTimeout(timer)
      session.removeEventListener('abort', abort)
      // The session's reason is an error of the driver, or nothing that anybody sees.
      // oxlint-disable-next-line typescript/prefer-promise-reject-errors
      reject(error)
    }
    const abort = () => {
      over(session.reason)
    }
    if (session.aborted) abort()
    else session.addEventListener('abort', abort, { once: true })
    work.then((result) => {
      clearTimeout(timer)
      session.removeEventListener('abort', abort)
      resolve(result)
    }, over)
  })
}

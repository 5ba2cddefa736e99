// A replica as a process of its own, which a supervisor has started. It serves as `keyhold-server serve` does alone, but for what the
// supervisor does for all of them: it has no listeners for metrics and probes, and starts no PostgreSQL. It ends with its supervisor.
import { useCompileCache, saveCompileCache } from '../compile-cache.ts'
import type { Server } from '../main.ts'
import { reportFailure } from '../report-failure.ts'
import { readSettings } from '../settings/read-settings.ts'
import { stopAtSignals } from '../stop-at-signals.ts'
import { createLogger } from '../wiring/create-logger.ts'
import type { FromReplica, Question, ToReplica } from './replica-messages.ts'

const forcedExitMs = 9_000

const onServing = stopAtSignals({
  onSignal: (signal, listener) => process.on(signal, listener),
  exit: (code) => process.exit(code),
  forcedExitMs,
  sameSignalMs: 500,
})
let server: Server | undefined

function say(message: FromReplica): void {
  // A supervisor that has ended hears nothing.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined)
}

async function start({ part, port }: Extract<ToReplica, { type: 'start' }>): Promise<void> {
  const configured = readSettings()
  const settings = { ...configured, port, metricsPort: undefined, healthPort: undefined, replica: part }
  useCompileCache(settings.dataDir)
  const { startServer } = await import('../main.ts')
  server = await startServer(settings, createLogger(settings.logLevel, undefined, part.number))
  onServing(server)
  const { url, boundUrl, uses } = server
  say({ type: 'started', url, boundUrl, uses })
  saveCompileCache()
}

async function answer(about: Question): Promise<Extract<FromReplica, { type: 'answer' }>['said']> {
  if (about === 'metrics') return server?.metrics()
  return server?.probe(about)
}

function stop(): void {
  setTimeout(() => process.exit(1), forcedExitMs).unref()
  void (server?.stop() ?? Promise.resolve()).then(
    () => process.exit(0),
    () => process.exit(1),
  )
}

process.on('message', (message: ToReplica) => {
  switch (message.type) {
    case 'start':
      start(message).catch((error: unknown) => {
        process.exitCode = reportFailure(error, (text) => process.stderr.write(text))
        process.exit()
      })
      return
    case 'drain':
      server?.drain()
      return
    case 'stop':
      stop()
      return
    case 'ask': {
      const { id } = message
      answer(message.about).then(
        (said) => {
          say({ type: 'answer', id, said })
        },
        () => {
          say({ type: 'answer', id, said: undefined })
        },
      )
    }
  }
})
// Nobody would replace it, and it would keep the port from the next supervisor.
process.on('disconnect', stop)

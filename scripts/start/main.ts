// `npm start`. Little is imported before the compile cache is set, so that the rest starts quickly.
import { saveCompileCache, useCompileCache } from '@keyhold/server/compile-cache'
import { readSettings } from '@keyhold/server/settings'

const forcedExitMs = 9_000

function stopOnSignals(stop: () => Promise<void>): void {
  let isStopping = false
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      // A terminal's Ctrl-C reaches this process twice when npm passes it on.
      if (isStopping) return
      isStopping = true
      process.stdout.write('Stopping …\n')
      setTimeout(() => process.exit(1), forcedExitMs).unref()
      void stop().then(() => process.exit(0))
    })
  }
}

try {
  const settings = readSettings()
  useCompileCache(settings.dataDir)
  const { startEverything } = await import('./start-everything.ts')
  stopOnSignals(await startEverything(settings))
  saveCompileCache()
} catch (error) {
  const { message, code } = error as { message?: string; code?: string }
  process.stderr.write(
    `Keyhold could not start: ${message ?? String(error)}${code === undefined ? '' : ` (${code})`}\n`,
  )
  if (code === 'EADDRINUSE') process.stderr.write('Set KEYHOLD_PORT to a free port and start again.\n')
  process.exit(1)
}

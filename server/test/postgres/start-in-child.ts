// A Keyhold reduced to its database, for tests that kill it: starts, says `ready` with its connection or
// `refused` with the error's code, and stops on SIGTERM. Argument: the options as JSON.

import { startEmbeddedPostgres } from '../../src/postgres/start-embedded-postgres.ts'
import { isKeyholdError } from '@keyhold/core/errors'

interface ChildOptions {
  dataDir: string
  settings?: Record<string, string>
}

const say = (message: object): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`)
}

try {
  const options = JSON.parse(process.argv[2] ?? '') as ChildOptions
  const postgres = await startEmbeddedPostgres({
    ...options,
    log: (line) => process.stderr.write(`${line}\n`),
  })
  say({ ready: postgres.connection })
  const alive = setInterval(() => undefined, 1_000)
  process.once('SIGTERM', () => {
    void postgres.stop().then(() => {
      clearInterval(alive)
    })
  })
} catch (error) {
  const details = isKeyholdError(error) ? { code: error.code, details: error.details } : {}
  say({ refused: { message: String(error), ...details } })
}

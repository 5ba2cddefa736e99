#!/usr/bin/env node
// The command `keyhold-server`: it serves, creates an API key for an operator, or looks at the database.
import { isKeyholdError } from '@keyhold/core'
import { parseArgs } from 'node:util'
import { saveCompileCache, useCompileCache } from './compile-cache.ts'
import { readSettings } from './settings/read-settings.ts'

const forcedExitMs = 9_000
const faultsFound = 3

const usage = `Usage: keyhold-server <command>

  serve                              run the service; settings come from KEYHOLD_… variables (docs/configuration.md)
  create-operator-key [--name NAME]  create an operator's API key and print it; it is shown only once
  doctor --integrity                 compare the rows of the database with each other and with the audit trail, and
                                     list what is wrong; ends with 0 if nothing is, and with 3 otherwise
`

async function serve(): Promise<void> {
  const settings = readSettings()
  useCompileCache(settings.dataDir)
  const { startServer } = await import('./main.ts')
  const server = await startServer(settings)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      // A database that does not answer must not keep the process alive.
      setTimeout(() => process.exit(1), forcedExitMs).unref()
      server.stop().then(
        () => process.exit(0),
        () => process.exit(1),
      )
    })
  }
  process.stderr.write(`Keyhold listens on ${server.url}\n`)
  saveCompileCache()
}

async function main(): Promise<number | undefined> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      name: { type: 'string', default: 'operator' },
      integrity: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help === true) {
    process.stdout.write(usage)
    return 0
  }
  switch (positionals.join(' ')) {
    case 'serve':
      await serve()
      return undefined
    case 'create-operator-key': {
      const { createOperatorKey } = await import('./wiring/commands/create-operator-key.ts')
      const token = await createOperatorKey(readSettings(), values.name)
      process.stdout.write(`${token}\n`)
      return 0
    }
    case 'doctor': {
      if (!values.integrity) break
      const { examineIntegrity } = await import('./wiring/commands/examine-integrity.ts')
      const lines = await examineIntegrity(readSettings())
      process.stdout.write(lines.map((line) => `${line}\n`).join(''))
      if (lines.length > 0) return faultsFound
      process.stderr.write('No row contradicts another one or the audit trail.\n')
      return 0
    }
    default:
      break
  }
  process.stderr.write(usage)
  return 2
}

try {
  const exitCode = await main()
  if (exitCode !== undefined) process.exit(exitCode)
} catch (error) {
  if (isKeyholdError(error)) {
    process.stderr.write(`keyhold-server: ${error.message} (${error.code})\n`)
    process.exit(error.code === 'ERR_CONFIG_INVALID' ? 2 : 1)
  }
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')) {
    process.stderr.write(`keyhold-server: ${error.message}\n${usage}`)
    process.exit(2)
  }
  // For example a port in use: the system's message is enough.
  if (error instanceof Error && 'syscall' in error) {
    process.stderr.write(`keyhold-server: ${error.message}\n`)
    process.exit(1)
  }
  throw error
}

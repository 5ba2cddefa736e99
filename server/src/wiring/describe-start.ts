// The line that says what a server uses, once it serves: an operator sees at once which database it is.
import path from 'node:path'
import { describeDatabase } from './commands/doctor/describe-database.ts'
import type { ServerFacts } from '../store/connections/server-facts.ts'
import type { Settings } from '../settings/read-settings.ts'
import { rootKeyFile } from './root-key/claimed-root-key.ts'

interface StartedParts {
  settings: Pick<Settings, 'databaseUrl' | 'dataDir' | 'rootKeyFile' | 'kmsEndpoint'>
  /** Undefined: the database does not describe itself. */
  facts: ServerFacts | undefined
  metricsUrl: string | undefined
  healthUrl: string | undefined
}

export function describeStart({ settings, facts, metricsUrl, healthUrl }: StartedParts): string {
  const kind = settings.databaseUrl === undefined ? 'the embedded database' : 'the database'
  const { kmsEndpoint } = settings
  const parts = [
    facts === undefined ? kind : `${kind} ${describeDatabase(facts)}`,
    `the data directory ${path.resolve(settings.dataDir)}`,
    `the root key file ${path.resolve(rootKeyFile(settings))}`,
    kmsEndpoint === 'aws' ? 'AWS KMS' : `a KMS at ${new URL(kmsEndpoint).host}`,
  ]
  const others = [
    ...(metricsUrl === undefined ? [] : [`Metrics are on ${metricsUrl}.`]),
    ...(healthUrl === undefined ? [] : [`Probes are also on ${healthUrl}.`]),
  ]
  return [`It uses ${parts.join('; ')}.`, ...others].join(' ')
}

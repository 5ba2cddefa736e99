// A database in a few words, as it describes itself: its URL may hold a password.
import { shown } from '../../../driver/shown-text.ts'
import type { ServerFacts } from '../../../store/connections/server-facts.ts'

/** `"keyhold" as "keyhold" at 10.0.0.3 port 5432, PostgreSQL 16.4, TLSv1.3`. */
export function describeDatabase({ database, role, address, port, version, tls }: ServerFacts): string {
  const place = address === undefined ? 'through a socket' : `at ${address} port ${port ?? ''}`
  const encryption = tls ?? (address === undefined ? undefined : 'without TLS')
  const parts = [
    `"${shown(database)}" as "${shown(role)}" ${place}`,
    `PostgreSQL ${shown(version)}`,
    encryption,
  ]
  return parts.filter((each) => each !== undefined).join(', ')
}

// Whether a connection to PostgreSQL would go to another machine without TLS that verifies the server's certificate and its name.
// The driver decides that from the URL and from variables of its own (PGHOST, PGSSLMODE), so that it is asked, not the URL.
import { urlsOfHosts } from './hosts-of-url.ts'
import { isLoopback } from './is-loopback.ts'
import { PinnedClient, pinnedConfig, type DatabaseConnection } from './pinned-client.ts'

/**
 * The first host that would be reached so. Undefined: a socket, this machine, or a server that is verified. Nothing is connected.
 *
 * @throws whatever the driver throws for a URL that it cannot read, or for files that it names
 */
export function unverifiedHost(connection: DatabaseConnection): string | undefined {
  const each = 'url' in connection ? urlsOfHosts(connection.url).map((url) => ({ url })) : [connection]
  return each.map(unverified).find((host) => host !== undefined)
}

function unverified(connection: DatabaseConnection): string | undefined {
  const { host, ssl } = new PinnedClient(pinnedConfig(connection))
  if (host.startsWith('/') || isLoopback(host)) return undefined
  return isVerified(ssl) ? undefined : host
}

// The types of the driver say boolean; it may be the options of TLS. The second one is how it skips the name.
function isVerified(ssl: unknown): boolean {
  if (typeof ssl !== 'object' || ssl === null) return ssl === true
  const { rejectUnauthorized, checkServerIdentity } = ssl as Record<string, unknown>
  return rejectUnauthorized !== false && checkServerIdentity === undefined
}

// Connections to PostgreSQL, all made here. A setting of the role or the database may name schemas in which `now()` or an
// operator is somebody else's function. So every connection says itself, when it starts, where names are looked up, and asks
// whether that holds: a pooler may drop it.
import { KeyholdError } from '@keyhold/core/errors'
import pg from 'pg'

/** A URL (`postgres://…`), or its parts, where `host` may be a socket's folder. */
export type DatabaseConnection =
  | { url: string }
  | { host: string; port: number; user: string; password: string; database: string }

// Tables are named with their schema. The schema of temporary objects comes last: it would be first if it were not named.
const searchPath = 'pg_catalog,pg_temp'
const startOption = `-c search_path=${searchPath}`

/** Settings of the driver, for a client or a pool. */
export type PinnedConfig = { Client: typeof PinnedClient } & Whereabouts
type Whereabouts =
  | { connectionString: string }
  | {
      host: string
      port: number
      user: string
      password: string
      database: string
      options: string
      application_name?: string
    }

/**
 * The settings of the driver for a connection, and the class of its clients. Everything that connects begins with these.
 *
 * @param name - how PostgreSQL shows the connection, whatever the URL says
 */
export function pinnedConfig(connection: DatabaseConnection, name?: string): PinnedConfig {
  return Object.assign(whereabouts(connection, name), { Client: PinnedClient })
}

/** A client that checks, when it connects, where names are looked up: `ERR_DATABASE_UNSAFE`. */
export class PinnedClient extends pg.Client {
  override connect(): Promise<pg.Client>
  override connect(callback: (error: Error | null) => void): void
  override connect(callback?: (error: Error | null) => void): Promise<pg.Client> | undefined {
    const connected = this.connectAndCheck()
    if (callback === undefined) return connected
    connected.then(() => {
      callback(null)
    }, callback)
    return undefined
  }

  private async connectAndCheck(): Promise<pg.Client> {
    // A connection that is lost while nothing is asked tells it by an event, and a pool listens only to what has connected. An
    // event that nobody hears would end the process.
    const errors: Error[] = []
    const onError = (error: Error) => errors.push(error)
    this.on('error', onError)
    try {
      await super.connect()
      await this.check()
      const [lost] = errors
      if (lost !== undefined) throw lost
    } catch (error) {
      // More events may follow.
      this.end().catch(() => undefined)
      throw error
    }
    this.off('error', onError)
    return this
  }

  private async check(): Promise<void> {
    // A function such as current_setting might be somebody else's.
    const { rows } = await this.query<{ search_path: string }>('show search_path')
    if (rows[0]?.search_path === searchPath) return
    throw new KeyholdError('ERR_DATABASE_UNSAFE', {
      message:
        'A connection to PostgreSQL does not keep the search_path that it starts with: connect without a pooler, or let it pass on startup options.',
    })
  }
}

function whereabouts(connection: DatabaseConnection, name: string | undefined): Whereabouts {
  if (!('url' in connection)) {
    return { ...connection, options: startOption, ...(name !== undefined && { application_name: name }) }
  }
  const [place, query] = split(connection.url, '?')
  // Of a parameter that comes twice the driver takes the last one, and PostgreSQL the last option.
  const options = [...new URLSearchParams(query).getAll('options').slice(-1), startOption].join(' ')
  const separator = query === '' ? '' : '&'
  // The driver takes a parameter of the URL rather than its own setting, and of two parameters the last one.
  const named = name === undefined ? '' : `&application_name=${encodeURIComponent(name)}`
  return { connectionString: `${place}?${query}${separator}options=${encodeURIComponent(options)}${named}` }
}

function split(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)]
}

// Connections to PostgreSQL, all made here. A setting of the role or the database may name schemas in which `now()` or an
// operator is somebody else's function. So every connection says itself, when it starts, where names are looked up, and asks
// whether that holds: a pooler may drop it. In the same question it asks whether the server takes changes: a standby answers, and
// lags behind.
import { KeyholdError } from '@keyhold/core/errors'
import pg from 'pg'
import { applicationName } from './application-name.ts'
import { createDatabaseHosts, type DatabaseHosts, type HostAddress } from './database-hosts.ts'
import { parts, urlsOfHosts } from './hosts-of-url.ts'
import { spendsConnection } from './is-database-unavailable.ts'

/** A URL (`postgres://…`), which may name several hosts, or its parts, where `host` may be a socket's folder. */
export type DatabaseConnection =
  | { url: string }
  | { host: string; port: number; user: string; password: string; database: string }

// Tables are named with their schema. The schema of temporary objects comes last: it would be first if it were not named.
const searchPath = 'pg_catalog,pg_temp'
const startOption = `-c search_path=${searchPath}`

/** Settings of the driver, for a client or a pool. */
export type PinnedConfig = { Client: typeof PinnedClient; hosts: DatabaseHosts } & Whereabouts
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
 * @throws KeyholdError `ERR_CONFIG_INVALID` for a list of hosts that cannot be read
 */
export function pinnedConfig(connection: DatabaseConnection, name?: string): PinnedConfig {
  const urls = 'url' in connection ? urlsOfHosts(connection.url) : []
  const [url = ''] = urls
  const first = 'url' in connection ? { url } : connection
  return Object.assign(whereabouts(first, name), { Client: PinnedClient, hosts: hostsOf(connection, urls) })
}

// By their connections: all of one database share what one of them has found out.
const knownHosts = new Map<string, DatabaseHosts>()

function hostsOf(connection: DatabaseConnection, urls: readonly string[]): DatabaseHosts {
  const key = JSON.stringify(connection)
  const known = knownHosts.get(key)
  if (known !== undefined) return known
  const hosts = createDatabaseHosts(urls, askHost)
  knownHosts.set(key, hosts)
  return hosts
}

async function askHost(url: string, withinMs: number): Promise<HostAddress> {
  const client = new PinnedClient({
    ...pinnedConfig({ url }, applicationName('hosts')),
    connectionTimeoutMillis: withinMs,
    query_timeout: withinMs,
  })
  const { host, port } = client
  await client.connect()
  client.end().catch(() => undefined)
  return { host, port }
}

export interface PinnedClientConfig extends pg.ClientConfig {
  /** Default: the host that the rest of the settings names, and no others. */
  hosts?: DatabaseHosts
}

/**
 * A client that checks, when it connects, where names are looked up (`ERR_DATABASE_UNSAFE`), and that the server takes changes
 * (`ERR_DATABASE_UNAVAILABLE`).
 */
export class PinnedClient extends pg.Client {
  private readonly hosts: DatabaseHosts | undefined
  private address: HostAddress | undefined
  private hasSpent = false

  constructor(config: PinnedClientConfig = {}) {
    super(config)
    this.hosts = config.hosts
    this.connection.on('errorMessage', ({ code = '' }: { code?: string }) => {
      if (!spendsConnection(code)) return
      this.hasSpent = true
      this.hosts?.doubt(this.address)
    })
  }

  /** Whether PostgreSQL has said that it takes no changes over this connection, or ends it: it must not be used again. */
  get isSpent(): boolean {
    return this.hasSpent
  }

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
      await this.choose()
      await super.connect()
      await this.check()
      const [lost] = errors
      if (lost !== undefined) throw lost
    } catch (error) {
      this.hosts?.doubt(this.address)
      // More events may follow.
      this.end().catch(() => undefined)
      throw error
    }
    const left = this.hosts?.join(this.address, () => this.connection.stream.destroy())
    this.once('end', () => left?.())
    this.on('error', () => this.hosts?.doubt(this.address))
    this.off('error', onError)
    return this
  }

  private async choose(): Promise<void> {
    this.address = await this.hosts?.find()
    if (this.address === undefined) return
    // Whoever waited for the connection may have given it up meanwhile.
    if (this.connection.stream.destroyed) throw new Error('timeout exceeded when trying to connect')
    // TLS takes the name of the certificate from here, too.
    Object.assign(this, this.address)
    // The file of passwords is asked by these: each host may have one of its own.
    Object.assign((this as unknown as { connectionParameters: object }).connectionParameters, this.address)
  }

  private async check(): Promise<void> {
    // A function such as current_setting might be somebody else's. Two statements are one message, and get two results.
    const results: unknown = await this.query('show search_path; show transaction_read_only')
    const [path, readOnly] = results as [pg.QueryResult<{ search_path: string }>, ReadOnlyResult]
    if (path.rows[0]?.search_path !== searchPath)
      throw new KeyholdError('ERR_DATABASE_UNSAFE', {
        message:
          'A connection to PostgreSQL does not keep the search_path that it starts with: connect without a pooler, or let it pass on startup options.',
      })
    this.refuseReadOnly(readOnly)
  }

  /**
   * Asks whether the server takes changes now.
   *
   * @throws KeyholdError `ERR_DATABASE_UNAVAILABLE` when it does not; then all connections of this process to it are cut
   */
  async askWhetherWritable(): Promise<void> {
    this.refuseReadOnly(await this.query('show transaction_read_only'))
  }

  private refuseReadOnly({ rows }: ReadOnlyResult): void {
    if (rows[0]?.transaction_read_only === 'off') return
    this.hosts?.leave(this.address)
    throw new KeyholdError('ERR_DATABASE_UNAVAILABLE', {
      message:
        'PostgreSQL only reads: it is a standby, or default_transaction_read_only is on. Name the primary in KEYHOLD_DATABASE_URL, or all hosts that may be it.',
    })
  }
}

type ReadOnlyResult = pg.QueryResult<{ transaction_read_only: string }>

function whereabouts(connection: DatabaseConnection, name: string | undefined): Whereabouts {
  if (!('url' in connection)) {
    return { ...connection, options: startOption, ...(name !== undefined && { application_name: name }) }
  }
  const [place, query = ''] = parts(connection.url, '?')
  // Of a parameter that comes twice the driver takes the last one, and PostgreSQL the last option.
  const options = [...new URLSearchParams(query).getAll('options').slice(-1), startOption].join(' ')
  const separator = query === '' ? '' : '&'
  // The driver takes a parameter of the URL rather than its own setting, and of two parameters the last one.
  const named = name === undefined ? '' : `&application_name=${encodeURIComponent(name)}`
  return { connectionString: `${place}?${query}${separator}options=${encodeURIComponent(options)}${named}` }
}

// A whole server for a test: real PostgreSQL, real HTTP, an AWS KMS on loopback; and what tests do with it again and
// again.
import type { KMSClient } from '@aws-sdk/client-kms'
import { startLocalKms, type LocalKms } from '@keyhold/local-kms'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pino, type Logger } from 'pino'
import { readSettings, type Settings } from '../../../server/src/settings/read-settings.ts'
import { startServer, type Server } from '../../../server/src/main.ts'
import type { ReplicaClocks } from '../../../server/src/store/database-clock.ts'
import type { Timings } from '../../../server/src/timings.ts'
import { createKeyWith, replicateKey } from '../customer/create-customer-key.ts'
import { openCustomerKms } from '../customer/customer-kms.ts'
import { customerAccount, customerKeyPolicy, keyholdAccount } from '../customer/key-policy.ts'
import { embeddedConnection } from '../process/embedded-connection.ts'
import { keyholdSettings } from '../process/keyhold-settings.ts'
import { checkDescribed } from './check-described.ts'
import type { Hold } from './hold-at.ts'
import { openQueryPool, type QueryPool, type Row } from '../database/query-pool.ts'
import { quickTimings } from './quick-timings.ts'
import { smallKeyCache } from './small-key-cache.ts'
import { createTenant, type Tenant } from '../tenants/create-tenant.ts'
import { databaseUrl, openTestPostgres, type TestConnection } from '../database/test-database.ts'
import { warmDataDir, warmRootKey } from '../database/warm-start.ts'

export { customerAccount, customerKeyPolicy, keyholdAccount }

export type TestTenant = Tenant

export interface HttpAnswer {
  status: number
  headers: Headers
  text: string
  /** The parsed body; undefined when there is none, or a stream of events. */
  body: unknown
}

export interface TestServer {
  readonly url: string
  readonly metricsUrl: string | undefined
  readonly healthUrl: string | undefined
  readonly dataDir: string
  readonly settings: Settings
  readonly kms: LocalKms
  readonly operatorToken: string
  /** A link that signs in with the API key, on this machine. */
  createSignInLink(apiKey: string): Promise<string>
  /** Sends one request; a body that is not a string is sent as JSON. */
  request(
    method: string,
    path: string,
    options?: { token?: string; body?: unknown; headers?: Record<string, string> },
  ): Promise<HttpAnswer>
  createTenant(id?: string): Promise<TestTenant>
  /** A customer's multi-region key with a replica in eu-west-3, which Keyhold may use; answers the primary's ARN. */
  createCustomerKey(tenantIds?: string[]): Promise<string>
  /** A client of AWS KMS with the customer's credentials. */
  customerKms(region?: string): KMSClient
  /** The connection to the server's own database. */
  databaseConnection(): TestConnection
  /** Runs one statement on it, for looking at rows and damaging them. */
  query(statement: string, values?: unknown[]): Promise<Row[]>
  /** Has the server do now what it does every few seconds. */
  sweep(): Promise<void>
  /** As at SIGTERM: it says that it is about to stop, and goes on serving. */
  drain(): void
  /** Stops the server and starts it again on the same data, after `whileStopped`. */
  restart(whileStopped?: () => Promise<unknown>): Promise<void>
  stop(): Promise<void>
}

export interface TestServerOptions {
  logger?: Logger
  /** The clock of the keys in the KMS, in milliseconds. */
  kmsNow?: () => number
  /** Whether the server runs a PostgreSQL of its own; else it has a fresh database in that of all tests. */
  ownPostgres?: true
  /** How long the server waits between looks, where it differs from `quickTimings`. */
  timings?: Partial<Timings>
  /** Holds the engine at a failpoint; the end of the server lets it go. */
  hold?: Hold
  /** The clocks of the server, where they are not those of this process. */
  clocks?: Partial<ReplicaClocks>
}

interface Place {
  environment: Record<string, string>
  /** Undefined: the server runs its own. */
  connection: TestConnection | undefined
  remove: () => Promise<void>
}

function isStream({ headers }: Response): boolean {
  return headers.get('content-type')?.startsWith('text/event-stream') === true
}

/** A data directory and a database as a first start of the server leaves them. */
async function preparePlace(dataDir: string, ownPostgres: boolean): Promise<Place> {
  const environment = { KEYHOLD_DATA_DIR: dataDir }
  if (ownPostgres) {
    await warmDataDir(dataDir)
    return { environment, connection: undefined, remove: () => Promise.resolve() }
  }
  const postgres = await openTestPostgres()
  const connection = await postgres.createStartedDatabase()
  await mkdir(dataDir, { mode: 0o700 })
  await cp(warmRootKey(), path.join(dataDir, 'root-key'))
  return {
    environment: { ...environment, KEYHOLD_DATABASE_URL: databaseUrl(connection) },
    connection,
    remove: () => postgres.stop(),
  }
}

/**
 * Starts everything on free ports and a data directory and a database of its own.
 *
 * @param environment - settings as the environment gives them, besides those that the test needs
 */
export async function startTestServer(
  environment: Record<string, string> = {},
  options: TestServerOptions = {},
): Promise<TestServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-'))
  const kms = await startLocalKms(options.kmsNow === undefined ? {} : { now: options.kmsNow })
  const place = await preparePlace(path.join(folder, 'data'), options.ownPostgres ?? false)
  const { hold } = options
  const settings: Settings = {
    ...readSettings({
      ...keyholdSettings({ dataDir: path.join(folder, 'data'), kmsUrl: kms.url }),
      ...smallKeyCache,
      ...place.environment,
      ...environment,
    }),
    mayCreateRootKey: true,
    ...(hold !== undefined && { armFailpoints: () => hold.failpoint }),
  }
  const logger = options.logger ?? pino({ level: 'silent' })
  const timings = { ...quickTimings, ...options.timings }
  const start = () => startServer(settings, logger, undefined, timings, options.clocks)
  let server: Server = await start()
  const operatorToken = await server.createOperatorKey('test')
  const clients: KMSClient[] = []

  async function request(
    method: string,
    pathAndQuery: string,
    { token, body, headers }: { token?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<HttpAnswer> {
    const answer = await fetch(`${server.url}${pathAndQuery}`, {
      method,
      headers: {
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await answer.text()
    const read: HttpAnswer = {
      status: answer.status,
      headers: answer.headers,
      text,
      body: text === '' || isStream(answer) ? undefined : JSON.parse(text),
    }
    checkDescribed(method, pathAndQuery, read.body)
    return read
  }

  function customerKms(region?: string): KMSClient {
    const client = openCustomerKms(kms.url, region)
    clients.push(client)
    return client
  }

  function databaseConnection(): TestConnection {
    return place.connection ?? embeddedConnection(settings.dataDir)
  }

  let queryPool: QueryPool | undefined
  async function closeQueryPool(): Promise<void> {
    await queryPool?.close()
    queryPool = undefined
  }

  return {
    get url() {
      return server.url
    },
    get metricsUrl() {
      return server.metricsUrl
    },
    get healthUrl() {
      return server.healthUrl
    },
    dataDir: settings.dataDir,
    settings,
    kms,
    operatorToken,
    createSignInLink: (apiKey) => server.createSignInLink(apiKey),
    request,
    customerKms,

    createTenant: (id) => createTenant(server.url, operatorToken, id),

    async createCustomerKey(tenantIds) {
      const policy = customerKeyPolicy(tenantIds)
      const { keyArn, keyId } = await createKeyWith(customerKms(), { MultiRegion: true, Policy: policy })
      await replicateKey(customerKms(), keyId, policy)
      return keyArn
    },

    databaseConnection,

    query(statement, values) {
      return (queryPool ??= openQueryPool(databaseConnection())).query(statement, values)
    },

    sweep: () => server.sweep(),

    drain() {
      server.drain()
    },

    async restart(whileStopped) {
      await server.stop()
      // A PostgreSQL of the server's own comes back in another place.
      if (place.connection === undefined) await closeQueryPool()
      await whileStopped?.()
      server = await start()
    },

    async stop() {
      for (const client of clients) client.destroy()
      await closeQueryPool()
      hold?.release()
      await server.stop()
      await place.remove()
      await kms.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

// Where the server is put together: the only file that knows every room.
import { spellings } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import { sql } from 'kysely'
import { randomUUID } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'
import type { Logger } from 'pino'
import type { Config } from './config.ts'
import { connectDatabase, connectDatabaseOfRunningServer } from './connect-database.ts'
import { createLogger } from './create-logger.ts'
import { createApp } from './http/app.ts'
import { dataHandlers } from './http/data-handlers.ts'
import { dataKeyHandlers } from './http/data-key-handlers.ts'
import { keyProviderHandlers } from './http/key-provider-handlers.ts'
import { migrationHandlers } from './http/migration-handlers.ts'
import { operatorHandlers } from './http/operator-handlers.ts'
import { createJobQueue, type JobQueue } from './jobs/job-queue.ts'
import { createDataKeyCache } from './keyring/data-key-cache.ts'
import { createDataKeyLeases } from './keyring/data-key-leases.ts'
import { createTenantKeyCache } from './keyring/tenant-key-cache.ts'
import { createAwsKms } from './kms/aws-kms.ts'
import { createInternalKms, rootKeyArn } from './kms/internal-kms.ts'
import { createKmsByArn } from './kms/kms-by-arn.ts'
import { createRootKeyFile, readRootKeyFile, rootKeyCheckValue, type RootKey } from './kms/root-key-file.ts'
import { destroyDueTenantKeys } from './migration/destroy-due-tenant-keys.ts'
import { runMigration } from './migration/run-migration.ts'
import { startMigration } from './migration/start-migration.ts'
import { createAuthenticate } from './operations/authenticate.ts'
import { claimRootKey } from './operations/claim-root-key.ts'
import { createApiKey } from './operations/create-api-key.ts'
import { checkDatabaseSafety, isMissingTable, type Database } from './store/database.ts'
import { migrateSchema } from './store/migrate-schema.ts'
import { createStore, type Store } from './store/store.ts'

/** A running server. */
export interface Server {
  /** Where it listens. */
  url: string
  /** Makes an API key for an operator and answers its token, which is stored nowhere. */
  createOperatorKey(name: string): Promise<string>
  /** Ends everything within ten seconds: requests, jobs, connections, the embedded PostgreSQL. Idempotent. */
  stop(): Promise<void>
}

/** What must be done through the server itself before it counts as ready. */
export type BeforeReady = (server: Pick<Server, 'url' | 'createOperatorKey'>) => Promise<void>

const maxTenantKeys = 20_000
const maxDataKeys = 200_000
const drainMs = 3_000
const readyTimeoutMs = 1_000

/**
 * Starts the server and answers once it listens and is ready.
 *
 * @param beforeReady - runs while the server listens, but `/readyz` does not yet answer 200
 * @throws KeyholdError with one of the codes of starting, such as `ERR_DATA_DIR_IN_USE` or `ERR_SCHEMA_NEWER`
 */
export async function startServer(
  config: Config,
  logger: Logger = createLogger(config.logLevel),
  beforeReady: BeforeReady = () => Promise.resolve(),
): Promise<Server> {
  await mkdir(config.dataDir, { recursive: true, mode: 0o700 })
  const { db, connection, close: closeDatabase } = await connectDatabase(config, logger)
  const queue = createJobQueue({
    connection,
    onError: (error) => {
      logger.warn({ err: error }, 'job queue')
    },
  })
  try {
    return await wire(config, logger, db, queue, closeDatabase, beforeReady)
  } catch (error) {
    await queue.stop().catch(() => undefined)
    await closeDatabase()
    throw error
  }
}

async function wire(
  config: Config,
  logger: Logger,
  db: Database,
  queue: JobQueue,
  closeDatabase: () => Promise<void>,
  beforeReady: BeforeReady,
): Promise<Server> {
  const store = createStore(db)
  const rootKey = await prepareDatabase(config, db, store, queue)
  const isSealed = rootKey === undefined
  if (isSealed) {
    logger.error(
      { rootKeyFile: rootKeyFile(config) },
      'sealed: the root key of this database is not here. Put the right root key file in place and start again.',
    )
  }

  const aws = createAwsKms({ endpoint: config.kmsEndpoint, credentials: config.kmsCredentials })
  const kms = createKmsByArn({ internal: createInternalKms(rootKey), aws })
  const clock = () => performance.now()
  const ttlMs = config.keyCacheTtlSeconds * 1_000
  const tenantKeys = createTenantKeyCache({ store, kms, ttlMs, maxEntries: maxTenantKeys, clock })
  const { maxKeyNames } = config
  const dataKeys = createDataKeyCache({
    store,
    tenantKeys,
    ttlMs,
    maxEntries: maxDataKeys,
    clock,
    maxKeyNames,
  })
  const leases = createDataKeyLeases({ store, tenantKeys, ttlMs, clock, maxKeyNames })
  const { failpoint, backupRetentionDays, migrationLeaseSeconds: leaseSeconds, requireMultiRegion } = config
  const migrationParts = {
    store,
    kms,
    tenantKeys,
    replicaId: randomUUID(),
    leaseSeconds,
    backupRetentionDays,
    failpoint,
  }
  const stopping = new AbortController()
  let isReady = false

  const app = createApp({
    logger,
    authenticate: createAuthenticate(store),
    tenantExists: async (tenantId) => (await store.tenants.find(tenantId)) !== undefined,
    probes: { isSealed, isReady: () => isReady, isDatabaseReady: () => isDatabaseReady(db) },
    handlers: {
      ...keyProviderHandlers({ store, kms, requireMultiRegion }),
      ...migrationHandlers({
        store,
        startMigration: (tenantId, fingerprint) =>
          startMigration(
            { store, kms, failpoint, enqueue: (transaction, id) => queue.enqueueKeyJob(transaction, id) },
            tenantId,
            fingerprint,
          ),
      }),
      ...dataHandlers({ store, dataKeys }),
      ...dataKeyHandlers({ leases }),
      ...operatorHandlers({
        store,
        kms,
        internalKeyArn: rootKeyArn(rootKey?.id ?? ''),
        internalKmsName: config.internalKmsName ?? spellings.defaultProviderName,
        internalKmsDescription: spellings.defaultProviderDescription,
      }),
    },
  })

  if (!isSealed) {
    await queue.work({
      listUnledKeyJobs: () => store.keyJobs.listUnled(),
      sweep: async () => {
        await destroyDueTenantKeys(store)
      },
      runKeyJob: (keyJobId) =>
        runMigration(migrationParts, keyJobId, {
          signal: stopping.signal,
          onPause: (job, error) => {
            logger.warn(
              { keyJobId: job.id, tenantId: job.tenantId, phase: job.phase, err: error },
              'migration paused',
            )
          },
        }),
    })
  }
  const url = await app.listen({ host: config.host, port: config.port })

  async function stop(): Promise<void> {
    stopping.abort()
    const drained = setTimeout(() => {
      app.server.closeAllConnections()
    }, drainMs)
    await app.close()
    clearTimeout(drained)
    await queue.stop()
    aws.close()
    await closeDatabase()
  }

  let stopped: Promise<void> | undefined
  const server: Server = {
    url,
    async createOperatorKey(name) {
      const { token } = await createApiKey(store, { role: 'operator', tenantId: undefined, name })
      return token
    },
    stop: () => (stopped ??= stop()),
  }
  try {
    await beforeReady(server)
  } catch (error) {
    await app.close()
    throw error
  }
  isReady = true
  return server
}

function rootKeyFile(config: Config): string {
  return path.join(config.dataDir, 'root-key')
}

// Everything that must happen once per database, under one lock.
async function prepareDatabase(
  config: Config,
  db: Database,
  store: Store,
  queue: JobQueue,
): Promise<RootKey | undefined> {
  await checkDatabaseSafety(db)
  let rootKey: RootKey | undefined
  await migrateSchema(db, async () => {
    await queue.createSchema()
    rootKey = await claimRootKey(store, {
      read: () => readRootKeyFile(rootKeyFile(config)),
      create: () => createRootKeyFile(rootKeyFile(config)),
      describe: (key) => ({ id: key.id, keyCheckValue: rootKeyCheckValue(key) }),
    })
  })
  return rootKey
}

async function isDatabaseReady(db: Database): Promise<boolean> {
  const question = sql`select 1`.execute(db).then(
    () => true,
    () => false,
  )
  const timeout = new Promise<boolean>((resolve) => {
    setTimeout(resolve, readyTimeoutMs, false).unref()
  })
  return Promise.race([question, timeout])
}

/** Makes an operator's API key beside a server that may be running, and answers its token. */
export async function createOperatorKey(config: Config, name: string, logger: Logger): Promise<string> {
  const { db, close } = await connectDatabaseOfRunningServer(config, logger)
  try {
    const store = createStore(db)
    const { token } = await createApiKey(store, { role: 'operator', tenantId: undefined, name })
    return token
  } catch (cause) {
    if (!isMissingTable(cause)) throw cause
    throw new KeyholdError('ERR_DATABASE_UNAVAILABLE', {
      message:
        'The database has no tables of Keyhold yet: start the server once with "keyhold-server serve".',
      cause,
    })
  } finally {
    await close()
  }
}

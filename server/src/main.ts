// Where the server is put together: the only file that knows every room.
import { isDataPlane, spellings } from '@keyhold/contract'
import type { KmsAnswer } from '@keyhold/core'
import { sql } from 'kysely'
import { mkdir } from 'node:fs/promises'
import type { Logger } from 'pino'
import { announceFailpoint } from './wiring/announce-failpoint.ts'
import type { Settings } from './settings/read-settings.ts'
import { connectDatabase } from './wiring/connect-database.ts'
import { createLogger } from './wiring/create-logger.ts'
import { createApp } from './http/server/app.ts'
import { dataHandlers } from './http/routes/data-handlers.ts'
import { dataKeyHandlers } from './http/routes/data-key-handlers.ts'
import { drDrillHandlers } from './http/routes/dr-drill-handlers.ts'
import { destructionHandlers } from './http/routes/destruction-handlers.ts'
import { auditHandlers } from './http/routes/audit-handlers.ts'
import { keyProviderHandlers } from './http/routes/key-provider-handlers.ts'
import { keyJobEventHandlers, keyJobHandlers } from './http/routes/key-job-handlers.ts'
import { keyUseHandlers } from './http/routes/key-use-handlers.ts'
import { namedDataKeyHandlers } from './http/routes/named-data-key-handlers.ts'
import { healthHandlers } from './http/routes/health-handlers.ts'
import { lockHandlers } from './http/routes/lock-handlers.ts'
import { migrationHandlers } from './http/routes/migration-handlers.ts'
import { octetStreamHandlers } from './http/routes/octet-stream-handlers.ts'
import { operatorHandlers } from './http/routes/operator-handlers.ts'
import { tenantKeyHandlers } from './http/routes/tenant-key-handlers.ts'
import { tenantSettingsHandlers } from './http/routes/tenant-settings-handlers.ts'
import { usageHandlers } from './http/routes/usage-handlers.ts'
import { createKeyBreaker } from './health/key-breaker.ts'
import { createKeyHealthRecorder } from './health/key-health-recorder.ts'
import { startKeyProber } from './health/key-prober.ts'
import { keepTestOutcome } from './health/keep-test-outcome.ts'
import { watchKms } from './health/watch-kms.ts'
import { createJobQueue } from './jobs/job-queue.ts'
import { createInternalKms, rootKeyArn } from './kms/internal-kms.ts'
import { createKmsByArn } from './kms/kms-by-arn.ts'
import { noFailpoint } from './migration/engine/failpoint.ts'
import { createEventCounts } from './metrics/event-counts.ts'
import { planMigration } from './migration/plan-migration.ts'
import { createRewrapThreads } from './migration/engine/rewrap-threads.ts'
import { startMigration } from './migration/start-migration.ts'
import { createTrafficGauge } from './migration/engine/traffic-gauge.ts'
import { openKeyring } from './wiring/open-keyring.ts'
import { openKms } from './wiring/open-kms.ts'
import { countRewraps, openMetrics } from './wiring/open-metrics.ts'
import { openSigner } from './wiring/open-signer.ts'
import { prepareDatabase, rootKeyFile } from './wiring/prepare-database.ts'
import { checkAlias } from './providers/check-alias.ts'
import { createAuthenticate } from './access/authenticate.ts'
import { findKeyAccess } from './providers/find-key-access.ts'
import { createApiKey } from './access/create-api-key.ts'
import { startKeyJobs } from './wiring/start-key-jobs.ts'
import { commandActor } from './store/audits.ts'
import type { Database } from './store/database.ts'
import { createStore, type Store, type TransactionStore } from './store/store.ts'

/** A running server. */
export interface Server {
  /** Where it listens. */
  url: string
  /** Where it listens for who collects metrics; undefined: nowhere. */
  metricsUrl: string | undefined
  /** Makes an API key for an operator and answers its token, which is stored nowhere. */
  createOperatorKey(name: string): Promise<string>
  /** Ends everything within ten seconds: requests, jobs, connections, the embedded PostgreSQL. Idempotent. */
  stop(): Promise<void>
}

/** What must be done through the server itself before it counts as ready. */
export type BeforeReady = (server: Pick<Server, 'url' | 'createOperatorKey'>) => Promise<void>

const drainMs = 3_000
const readyTimeoutMs = 1_000

/**
 * Starts the server and answers once it listens and is ready.
 *
 * @param beforeReady - runs while the server listens, but `/readyz` does not yet answer 200
 * @throws KeyholdError with one of the codes of starting, such as `ERR_DATA_DIR_IN_USE` or `ERR_SCHEMA_NEWER`
 */
export async function startServer(
  settings: Settings,
  logger: Logger = createLogger(settings.logLevel),
  beforeReady: BeforeReady = () => Promise.resolve(),
): Promise<Server> {
  await mkdir(settings.dataDir, { recursive: true, mode: 0o700 })
  // What has been opened, to be closed the other way round: at the end, or when the start fails half-way.
  const closers: (() => Promise<void>)[] = []
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) {
      await closer().catch((error: unknown) => {
        logger.warn({ err: error }, 'while stopping')
      })
    }
  }
  try {
    const wired = await wire(settings, logger, closers)
    let stopped: Promise<void> | undefined
    const server: Server = {
      url: wired.url,
      metricsUrl: wired.metricsUrl,
      async createOperatorKey(name) {
        const { token } = await createApiKey(
          wired.store,
          { role: 'operator', tenantId: undefined, name },
          commandActor,
        )
        return token
      },
      stop: () => (stopped ??= close()),
    }
    await beforeReady(server)
    wired.setReady()
    return server
  } catch (error) {
    await close()
    throw error
  }
}

interface Wired {
  url: string
  metricsUrl: string | undefined
  store: Store
  setReady: () => void
}

async function wire(settings: Settings, logger: Logger, closers: (() => Promise<void>)[]): Promise<Wired> {
  const { db, connection, close: closeDatabase, cut } = await connectDatabase(settings, logger)
  closers.push(closeDatabase)
  const queue = createJobQueue({
    connection,
    onError: (error) => {
      logger.warn({ err: error }, 'job queue')
    },
  })
  closers.push(() => queue.stop())

  const store = createStore(db)
  const rootKey = await prepareDatabase(settings, db, store, logger, () => queue.createSchema())
  const isSealed = rootKey === undefined
  if (isSealed) {
    logger.error(
      { rootKeyFile: rootKeyFile(settings) },
      'sealed: the root key of this database is not here. Put the right root key file in place and start again.',
    )
  }
  const events = createEventCounts()
  const recorder = createKeyHealthRecorder({
    store,
    onTransition: (transition) => {
      logger[transition.to === 'healthy' ? 'info' : 'warn'](transition, 'key health')
      events.keyChanged(transition.to, transition.code ?? 'none')
    },
    onError: (error) => {
      logger.warn({ err: error }, 'health of a key not kept')
    },
    clock: () => performance.now(),
  })
  const onAnswer = (answer: KmsAnswer) => {
    recorder.answered(answer)
  }
  const { aws, kmsUsage } = openKms(settings, logger, { store, events, onAnswer }, closers)
  const breaker = createKeyBreaker(() => performance.now())
  const kms = createKmsByArn({
    internal: createInternalKms(rootKey),
    aws: watchKms(aws, { breaker, recorder }),
  })
  const keyring = await openKeyring(settings, logger, { db, connection, store, kms }, closers)

  const announce = announceFailpoint.bind(undefined, logger)
  const failpoint = settings.armFailpoints?.({ cut, announce }) ?? noFailpoint
  const enqueue = (transaction: TransactionStore, id: string) => queue.enqueueKeyJob(transaction, id)
  const startParts = { store, kms, failpoint, enqueue }
  const threads = countRewraps(createRewrapThreads(settings.migrationThreads), events)
  closers.push(() => threads.close())
  const budget = {
    threads: settings.migrationThreads,
    maxRowsPerSecond: settings.migrationRowsPerSecond,
    timeSharePercent: settings.migrationTimeSharePercent,
  }
  const sign = await openSigner(store, rootKey)
  const gauge = createTrafficGauge(() => performance.now())
  let isReady = false
  const app = createApp({
    logger,
    requestTimeoutMs: settings.requestTimeoutSeconds * 1_000,
    onReply: (routeId, status, elapsedMs) => {
      if (isDataPlane(routeId)) gauge.observe(elapsedMs)
      events.replied(routeId, status, elapsedMs)
    },
    onItems: (routeId, ok, failed) => {
      events.items(routeId, ok, failed)
    },
    authenticate: createAuthenticate(store),
    tenantExists: async (tenantId) => (await store.tenants.find(tenantId)) !== undefined,
    probes: { isSealed, isReady: () => isReady, isDatabaseReady: () => isDatabaseReady(db) },
    octetStreams: octetStreamHandlers({ dataKeys: keyring.dataKeys }),
    eventHandlers: keyJobEventHandlers({ store }),
    handlers: {
      ...keyProviderHandlers({
        store,
        kms,
        requireMultiRegion: settings.requireMultiRegion,
        requireContextCondition: settings.requireContextCondition,
        examineKey: (arn, tenantId, role) => aws.examineKey(arn, tenantId, role),
        resolveAlias: aws.resolveAlias.bind(aws),
        onTested: (key, error) => keepTestOutcome({ store, recorder }, key, error),
        drRegions: settings.drRegions,
        principals: async (region) => settings.awsPrincipals ?? [await aws.ownPrincipal(region)],
      }),
      ...migrationHandlers({
        store,
        startMigration: (...asked) => startMigration(startParts, ...asked),
      }),
      ...keyJobHandlers(startParts),
      ...keyUseHandlers({
        store,
        planMigration: (tenantId, fingerprint) =>
          planMigration({ store, kms, threads, budget }, tenantId, fingerprint),
      }),
      ...tenantKeyHandlers(startParts),
      ...lockHandlers({ locks: keyring.locks }),
      ...tenantSettingsHandlers({
        store,
        limits: { min: settings.keyCacheMinTtlSeconds, max: settings.keyCacheTtlSeconds },
        onChange: keyring.tenantSettingsChanged,
      }),
      ...healthHandlers({ store }),
      ...dataHandlers({ store, dataKeys: keyring.dataKeys }),
      ...dataKeyHandlers({ leases: keyring.leases }),
      ...namedDataKeyHandlers({ store, dataKeys: keyring.dataKeys, announce: keyring.announceDataKeyChange }),
      ...destructionHandlers({ store }),
      ...usageHandlers({
        store,
        flushKmsUsage: () => kmsUsage.flush(),
        kmsMicroUsdPer10000: settings.kmsMicroUsdPer10000,
      }),
      ...auditHandlers({ store, sign }),
      ...drDrillHandlers({
        ...{ store, sign, drRegions: settings.drRegions, clock: () => performance.now() },
        inRegion: aws.inRegion.bind(aws),
        findKeyAccess: (keyArn, tenantId) => findKeyAccess(store, tenantId, keyArn),
      }),
      ...operatorHandlers({
        store,
        kms,
        internalKeyArn: rootKeyArn(rootKey?.id ?? ''),
        internalKmsName: settings.internalKmsName ?? spellings.defaultProviderName,
        internalKmsDescription: spellings.defaultProviderDescription,
      }),
    },
  })

  if (rootKey !== undefined) {
    const { tenantKeys, forgetDestroyed } = keyring
    const parts = {
      ...{ settings, logger, store, kms, tenantKeys, threads, queue, sign, gauge, startParts },
      forgetDestroyed,
    }
    closers.push(await startKeyJobs(parts))
    closers.push(
      startKeyProber({
        store,
        recorder,
        probeKey: (keyArn, wrapped, ref) => aws.probeKey(keyArn, wrapped, ref),
        onDenial: keyring.denied,
        checkAlias: async (tenantId, fingerprint) => {
          const provider = await store.keyProviders.find(tenantId, fingerprint)
          const resolveAlias = aws.resolveAlias.bind(aws)
          if (provider !== undefined) await checkAlias({ store, resolveAlias }, provider)
        },
        healthySeconds: settings.keyProbeSeconds,
        onError: (error) => {
          logger.warn({ err: error }, 'key not probed: tried again in a while')
        },
      }),
    )
  }
  closers.push(async () => {
    const drained = setTimeout(() => {
      app.server.closeAllConnections()
    }, drainMs)
    await app.close()
    clearTimeout(drained)
  })
  const sources = { db, store, keyring, queue, breaker, isSealed }
  const metricsUrl = await openMetrics(settings, logger, { events, sources }, closers)
  return {
    url: await app.listen({ host: settings.host, port: settings.port }),
    metricsUrl,
    store,
    setReady: () => {
      isReady = true
    },
  }
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

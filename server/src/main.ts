// The order in which the parts of the server start and stop.
import type { Logger } from 'pino'
import { createApiKey } from './access/create-api-key.ts'
import { createEndingKeys } from './access/ending-keys.ts'
import { createHeldTenants } from './access/held-tenants.ts'
import { createEventCounts } from './metrics/event-counts.ts'
import { makeFolder } from './settings/make-folder.ts'
import type { Settings } from './settings/read-settings.ts'
import { otherStateDirs, stateDir } from './settings/state-dir.ts'
import { commandActor } from './store/audits.ts'
import { readServerFacts } from './store/connections/server-facts.ts'
import { createGenerations } from './store/authentic/seen-generations.ts'
import { openReadiness } from './store/connections/readiness.ts'
import { ownClocks, type ReplicaClocks } from './store/database-clock.ts'
import { createStore, type Store } from './store/store.ts'
import { defaultTimings, type Timings } from './timings.ts'
import { loadGenerations } from './wiring/checkpoints/load-generations.ts'
import { openCheckpoints } from './wiring/checkpoints/open-checkpoints.ts'
import { openGenerations } from './wiring/checkpoints/open-generations.ts'
import { closeAll, type Closers } from './wiring/close-all.ts'
import { connectDatabase } from './wiring/connect-database.ts'
import { createKeyHealth } from './wiring/create-key-health.ts'
import { createLogger } from './wiring/create-logger.ts'
import { describeStart } from './wiring/describe-start.ts'
import { findConsole } from './wiring/sites/find-console.ts'
import { findDocs } from './wiring/sites/find-docs.ts'
import { openClock } from './wiring/open-clock.ts'
import { openApp, type OpenedApp, type ProbeAnswer } from './wiring/open-app.ts'
import { openCallers, type Callers } from './wiring/open-callers.ts'
import { openHeartbeat } from './wiring/open-heartbeat.ts'
import { openIssuers } from './wiring/issuers/open-issuers.ts'
import { openJobQueue } from './wiring/open-job-queue.ts'
import { openIssuer } from './wiring/issuer/open-issuer.ts'
import { openPageWatch } from './wiring/issuer/watch-pages.ts'
import { operatorFetch } from './wiring/issuers/operator-fetch.ts'
import { openKeyJobs } from './wiring/open-key-jobs.ts'
import { openKeyring } from './wiring/open-keyring.ts'
import { openKms } from './wiring/open-kms.ts'
import { openListenerTls } from './wiring/listeners/open-listener-tls.ts'
import { createMetricsPage, openMetrics } from './wiring/listeners/open-metrics.ts'
import { openProbes } from './wiring/listeners/open-probes.ts'
import { openSessions } from './wiring/people/open-sessions.ts'
import { openSignIn } from './wiring/people/open-sign-in.ts'
import { createReportedRowMacs } from './wiring/open-row-macs.ts'
import { openSigner } from './wiring/open-signer.ts'
import { prepareDatabase } from './wiring/prepare-database.ts'
import { rootKeyFile } from './wiring/root-key/claimed-root-key.ts'
import { watchRootKeyFile } from './wiring/root-key/watch-root-key-file.ts'
import { startKeyJobs } from './wiring/start-key-jobs.ts'
import { startProber } from './wiring/start-prober.ts'
import { startSweeps } from './wiring/start-sweeps.ts'

export type { ProbeAnswer } from './wiring/open-app.ts'

/** A running server. */
export interface Server {
  /** The URL on which it listens. */
  url: string
  /** The URL of the listener for metrics. Undefined: there is none. */
  metricsUrl: string | undefined
  /** The URL of the separate listener for probes. Undefined: there is none. */
  healthUrl: string | undefined
  /** The database, the folders and the KMS that it uses, in one line for people. */
  uses: string
  /** With the address on which it listens, such as `https://0.0.0.0:8180`. */
  boundUrl: string
  /** Creates an API key for an operator and answers its token, which is stored nowhere. */
  createOperatorKey(name: string): Promise<string>
  /**
   * Makes a link that signs a browser on this machine in, with the rights of the API key: once, within ten minutes. It is kept in
   * memory alone.
   *
   * @throws KeyholdError `ERR_UNAUTHENTICATED`
   */
  createSignInLink(apiKey: string): Promise<string>
  /** Does now what this replica does every few seconds: it looks for work that has fallen due. */
  sweep(): Promise<void>
  /** Its metrics, in the format that Prometheus reads. */
  metrics(): Promise<string>
  /** The answer to a probe of it. */
  probe(path: '/livez' | '/readyz'): Promise<ProbeAnswer>
  /** How long the operator wants it to go on serving after `drain`. */
  readonly drainMs: number
  /**
   * Says to everybody that this replica is about to stop, and goes on serving: `/readyz` answers 503, each reply closes its
   * connection, and streams of events end.
   */
  drain(): void
  /** Ends requests, jobs, connections and the embedded PostgreSQL, within ten seconds. Idempotent. */
  stop(): Promise<void>
}

/** Work that must be done through the server itself before it counts as ready. */
export type BeforeReady = (server: Pick<Server, 'url' | 'createOperatorKey'>) => Promise<void>

/**
 * Starts the server and answers once it listens and is ready.
 *
 * @param beforeReady - runs while the server listens, but `/readyz` does not yet answer 200
 * @param timings - those that differ from `defaultTimings`
 * @param clocks - the clocks of this replica: a test may give it wrong ones
 * @throws KeyholdError with one of the codes of starting, such as `ERR_DATA_DIR_IN_USE` or `ERR_SCHEMA_NEWER`
 */
export async function startServer(
  settings: Settings,
  logger: Logger = createLogger(settings.logLevel),
  beforeReady: BeforeReady = () => Promise.resolve(),
  timings: Partial<Timings> = {},
  clocks: Partial<ReplicaClocks> = {},
): Promise<Server> {
  if (settings.ignoredVariables.length > 0) {
    logger.warn(
      { variables: settings.ignoredVariables },
      'ignored variables that Kubernetes sets for a service of this name: set enableServiceLinks to false',
    )
  }
  await makeFolder(settings.dataDir, 'KEYHOLD_DATA_DIR')
  const closers: Closers = []
  const stopping = new AbortController()
  const close = () => {
    stopping.abort()
    return closeAll(closers, logger)
  }
  try {
    const parts = {
      ...{ settings, logger, closers, stopping: stopping.signal },
      ...{ timings: { ...defaultTimings, ...timings }, clocks: { ...ownClocks, ...clocks } },
    }
    const { store, app, callers, ...started } = await start(parts)
    let stopped: Promise<void> | undefined
    const server: Server = {
      ...started,
      probe: (path) => app.probe(path),
      async createOperatorKey(name) {
        const key = { role: 'operator', tenantId: undefined, name } as const
        const { token } = await createApiKey(store, key, commandActor)
        return token
      },
      async createSignInLink(apiKey) {
        const { id } = await callers.authenticate(apiKey, { client: () => '', full: () => '' })
        return `${started.url}/console#${callers.sessions.makeLink(id)}`
      },
      drainMs: settings.drainSeconds * 1_000,
      drain() {
        logger.info({ seconds: settings.drainSeconds }, 'stopping: this replica asks for no more requests')
        app.startDraining()
      },
      stop: () => (stopped ??= close()),
    }
    await beforeReady(server)
    app.setReady()
    return server
  } catch (error) {
    await close()
    throw error
  }
}

interface StartParts {
  settings: Settings
  logger: Logger
  timings: Timings
  clocks: ReplicaClocks
  closers: Closers
  /** Aborted when the server begins to stop. */
  stopping: AbortSignal
}

interface Started extends Pick<
  Server,
  'url' | 'metricsUrl' | 'healthUrl' | 'boundUrl' | 'uses' | 'sweep' | 'metrics'
> {
  store: Store
  app: OpenedApp
  callers: Callers
}

async function start({ settings, logger, timings, clocks, closers, stopping }: StartParts): Promise<Started> {
  const docs = findDocs(settings, logger)
  const consoleSite = findConsole(settings, logger)
  const tls = await openListenerTls(settings, logger, closers)
  const { db, connection, close, cut, stream, suspect } = await connectDatabase(settings, logger, {
    signal: stopping,
    graceMs: timings.stopMs,
  })
  closers.push(close)
  // A start does not depend on it.
  const facts = await readServerFacts(db).catch(() => undefined)
  const readiness = openReadiness(connection, {
    openStream: stream,
    graceMs: settings.readyWithoutDatabaseSeconds * 1_000,
  })
  closers.push(() => readiness.close())
  const queue = openJobQueue({ connection, stream }, logger, closers)
  const clock = await openClock(db, logger, timings, clocks, closers)
  const events = createEventCounts()
  const { macs, records } = createReportedRowMacs(logger, events)
  const generations = createGenerations()
  const firstProbeSeconds = settings.keyProbeSeconds
  const store = createStore(db, clock, { macs, generations, firstProbeSeconds })
  const claimed = await prepareDatabase(settings, db, store, logger, () => queue.createSchema())
  const folders = { stateDir: stateDir(settings), otherStateDirs: otherStateDirs(settings) }
  const remembering = claimed && { store, generations, rootKey: claimed, ...folders }
  const loaded = remembering && (await loadGenerations(remembering, logger))
  const isQuarantined = loaded?.isQuarantined === true
  const rootKey = isQuarantined ? undefined : claimed
  records.open(store)
  closers.push(() => records.close())

  const isSealed = rootKey === undefined
  const look =
    rootKey && watchRootKeyFile(rootKeyFile(settings), rootKey, macs, logger, settings.replica?.number)
  const replicas = await openHeartbeat({ store, timings, look, suspect }, logger, closers)
  const health = createKeyHealth(store, timings, logger, events)
  const { issuerUrl } = settings
  const issuer = issuerUrl === undefined ? undefined : await openIssuer(issuerUrl, { store, rootKey }, logger)
  const pages = issuer && openPageWatch(issuer, logger, operatorFetch(settings))
  const kms = openKms(settings, logger, { store, rootKey, events, health, replicas, issuer }, closers)
  const tenants = createHeldTenants({
    ...{ store, ttlMs: settings.keyCacheTtlSeconds * 1_000 },
    clock: () => performance.now(),
  })
  const issuers = await openIssuers(settings, logger, { store, tenants, events, replicas }, closers)
  const providers = () => issuers?.signInProviders() ?? []
  const signIn = issuers && openSignIn(settings, logger, { store, replicas, providers }, closers)
  const sessions = openSessions(settings, {
    ...{ store, events, replicas },
    isTls: tls !== undefined,
    isTrusted: (issuer) => providers().some((each) => each.issuer === issuer),
  })
  const calling = { store, tenants, events, replicas, issued: issuers, sessions, timings }
  const callers = openCallers(settings, logger, calling, closers)
  const endingKeys = createEndingKeys({
    store,
    onEnding: ({ id, role, tenantId, expiresAt }, days) => {
      logger.warn({ apiKeyId: id, role, tenantId, expiresAt, days }, 'an API key ends soon: rotate it')
    },
  })
  const signer = await openSigner({ store, rootKey, ...folders }, logger, closers)
  const keyring = await openKeyring(
    settings,
    logger,
    {
      ...{ connection, stream, store, kms: kms.kms, timings, callers, signer },
      refreshIssuer: () => issuer?.refresh() ?? Promise.resolve(),
    },
    closers,
  )
  // It may have been replaced before this replica heard of changes.
  await signer.refresh()
  const keyJobs = openKeyJobs(settings, logger, { store, kms: kms.kms, queue, events, cut }, closers)
  const { holdSigner } = signer
  const checkpointNeeds = { store, signer, ...folders, events, isSealed }
  const checkpoints = await openCheckpoints(checkpointNeeds, logger, closers)

  const rounds =
    loaded &&
    rootKey &&
    openGenerations({ store, generations, loaded, rootKey, holdSigner, events }, logger, closers)

  const needs = {
    isQuarantined,
    tls,
    readiness,
    store,
    rootKey,
    events,
    health,
    kms,
    keyring,
    keyJobs,
    signer,
    checkpoints,
    generations: rounds,
    timings,
    replicas,
    callers,
    docs,
    consoleSite,
    issuer,
    signIn,
  }
  const app = openApp(settings, logger, needs)
  // A sealed replica leads nothing, sweeps nothing and probes nothing.
  let sweep = () => Promise.resolve()
  if (rootKey !== undefined) {
    await startKeyJobs(settings, logger, { keyring, keyJobs, queue, holdSigner }, closers)
    const sweeping = {
      keyring,
      keyJobs,
      queue,
      holdSigner,
      checkpoints,
      generations: rounds,
      timings,
      callers,
      endingKeys,
      issuer,
      pages,
    }
    sweep = startSweeps(settings, logger, sweeping, closers)
    const probing = { store, recorder: health.recorder, aws: kms.aws, keyring, events, replicas, timings }
    startProber(settings, logger, probing, closers)
  }
  closers.push(() => app.close())
  const { breaker } = health
  const older = () => rounds?.older() ?? 0
  const held = {
    ...{ isSealed, isQuarantined, older, endingKeys: () => endingKeys.counts() },
    issuerProblems: () => pages?.problems(),
  }
  const sources = { db, clock, store, timings, keyring, queue, breaker, replicas, ...held }
  const page = createMetricsPage({ events, sources, tls, issuers }, logger, closers)
  const metrics = await openMetrics(settings, logger, { page, tls }, closers)
  const probes = await openProbes(settings, logger, app, closers)
  const { url, boundUrl } = await app.listen()
  const [metricsUrl, healthUrl] = [metrics?.url, probes?.url]
  const uses = describeStart({
    ...{ settings, facts },
    ...{ metricsUrl: metrics?.boundUrl, healthUrl: probes?.boundUrl },
  })
  return { url, metricsUrl, healthUrl, boundUrl, uses, store, app, callers, sweep, metrics: page.text }
}

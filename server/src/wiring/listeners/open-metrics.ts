// Metrics: the counts of events, the values that are read when somebody asks, and the listener.
import type { Logger } from 'pino'
import { keyholdVersion } from '../../driver/application-name.ts'
import type { Settings } from '../../settings/read-settings.ts'
import type { KeyBreaker } from '../../health/key-breaker.ts'
import type { JobQueue } from '../../jobs/job-queue.ts'
import type { CacheCounts } from '../../keyring/cache-counts.ts'
import type { RenderedMetrics } from '../../metrics/render-metrics.ts'
import type { EventCounts } from '../../metrics/event-counts.ts'
import type { Sample, Samples } from '../../metrics/samples.ts'
import type { DatabaseClock } from '../../store/database-clock.ts'
import { poolCounts, type Database } from '../../store/database.ts'
import type { MetricCounts } from '../../store/metric-counts.ts'
import type { Store } from '../../store/store.ts'
import type { Timings } from '../../timings.ts'
import { machineNow } from '../../tls/machine-now.ts'
import type { Tls } from '../../tls/reloaded-tls.ts'
import type { Closers } from '../close-all.ts'
import { readMetricCounts } from './read-metric-counts.ts'
import type { Issuers } from '../issuers/open-issuers.ts'
import { reachableUrl, type ListensOn } from './reachable-url.ts'

export interface MetricSources {
  db: Database
  clock: Pick<DatabaseClock, 'skewMs' | 'agrees'>
  store: Pick<Store, 'metricCounts' | 'transaction' | 'readSnapshot'>
  timings: Pick<Timings, 'metricCounts'>
  keyring: Record<'tenantKeys' | 'dataKeys', { counts(): CacheCounts }>
  queue: Pick<JobQueue, 'counts'>
  breaker: Pick<KeyBreaker, 'running'>
  replicas: () => number
  isSealed: boolean
  isQuarantined: boolean
  /** How many tenants are older than what this replica knows. */
  older: () => number
  /** How many API keys end soon. Undefined: nobody has looked. */
  endingKeys: () => Readonly<Record<string, number>> | undefined
  /** Everything that is wrong with the public pages of the issuer. Undefined: nobody has looked, or there is none. */
  issuerProblems: () => readonly string[] | undefined
}

// When the database does not answer in time, Prometheus gets the other metrics.
const databaseTimeoutMs = 2_000

interface MetricNeeds {
  events: EventCounts
  sources: MetricSources
  tls: Tls | undefined
  issuers: Pick<Issuers, 'keyAgesMs' | 'isFileOutdated'> | undefined
}

export interface MetricsPage extends Pick<RenderedMetrics, 'text'> {
  contentType: () => Promise<string>
}

/**
 * All metrics of this replica, in the format that Prometheus reads.
 *
 * @param closers - receives the function that ends what is counted for it
 */
export function createMetricsPage(
  { events, sources, tls, issuers }: MetricNeeds,
  logger: Logger,
  closers: Closers,
): MetricsPage {
  const onError = (error: unknown) => {
    logger.warn({ err: error }, 'metrics')
  }
  // Loaded only if somebody asks.
  let loaded: Promise<RenderedMetrics> | undefined
  async function load(): Promise<RenderedMetrics> {
    const { renderMetrics } = await import('../../metrics/render-metrics.ts')
    const rendered = renderMetrics(
      async () => ({
        ...(await readSamples(events, sources, onError)),
        ...samplesOfTls(tls),
        ...samplesOfIssuers(issuers),
        // The supervisor of several replicas has them.
        keyhold_replica_up: [],
        keyhold_replica_restarts_total: [],
      }),
      events.histograms,
    )
    closers.push(() => {
      rendered.close()
      return Promise.resolve()
    })
    return rendered
  }
  const rendered = () => (loaded ??= load())
  return {
    contentType: async () => (await rendered()).contentType,
    text: async () => (await rendered()).text(),
  }
}

/**
 * Starts the listener if the settings name a port. Answers its URLs; undefined: there is none.
 *
 * @param closers - receives the function that closes it
 */
export async function openMetrics(
  { metricsHost: host, metricsPort: port }: Pick<Settings, 'metricsHost' | 'metricsPort'>,
  logger: Logger,
  { page, tls }: { page: MetricsPage; tls: Tls | undefined },
  closers: Closers,
): Promise<ListensOn | undefined> {
  if (port === undefined) return undefined
  const { serveMetrics } = await import('../../metrics/serve-metrics.ts')
  const onError = (error: unknown) => {
    logger.warn({ err: error }, 'metrics')
  }
  const place = { host, port, tls }
  const shown = { contentType: await page.contentType(), text: page.text }
  const { url: boundUrl, close } = await serveMetrics(place, shown, onError)
  const url = reachableUrl(boundUrl)
  closers.push(close)
  logger.info({ url: `${url}/metrics` }, 'metrics')
  return { url, boundUrl }
}

type SupervisorMetric = 'keyhold_replica_up' | 'keyhold_replica_restarts_total'
type TlsMetric = 'keyhold_tls_certificate_expiry_seconds' | 'keyhold_tls_files_unusable'

function samplesOfTls(tls: Tls | undefined): Pick<Samples, TlsMetric> {
  if (tls === undefined) return { keyhold_tls_certificate_expiry_seconds: [], keyhold_tls_files_unusable: [] }
  const now = machineNow()
  const { certificate, clientCa, clientCrl } = tls.ends()
  const ends = { certificate, 'client-ca': clientCa, 'client-crl': clientCrl }
  return {
    keyhold_tls_certificate_expiry_seconds: Object.entries(ends).flatMap(([file, end]) =>
      end === undefined ? [] : [{ labels: { file }, value: (end.endsAtMs - now) / 1_000 }],
    ),
    keyhold_tls_files_unusable: one(tls.isOutdated() ? 1 : 0),
  }
}

type IssuerMetric = 'keyhold_issuer_keys_age_seconds' | 'keyhold_issuers_file_unusable'

function samplesOfIssuers(issuers: MetricNeeds['issuers']): Pick<Samples, IssuerMetric> {
  const ages = [...(issuers?.keyAgesMs() ?? [])]
  return {
    keyhold_issuer_keys_age_seconds: ages.map(([issuer, ageMs]) => ({
      labels: { issuer },
      value: ageMs / 1_000,
    })),
    keyhold_issuers_file_unusable: issuers === undefined ? [] : one(issuers.isFileOutdated() ? 1 : 0),
  }
}

async function readSamples(
  { tallies }: EventCounts,
  { db, clock, store, timings, keyring, queue, breaker, replicas, ...held }: MetricSources,
  onError: (error: unknown) => void,
): Promise<Omit<Samples, TlsMetric | IssuerMetric | SupervisorMetric>> {
  const problems = held.issuerProblems()
  const caches = Object.entries({
    tenant_key: keyring.tenantKeys.counts(),
    data_key: keyring.dataKeys.counts(),
  })
  const ofCaches = (value: (counts: CacheCounts) => number, labels: Record<string, string> = {}): Sample[] =>
    caches.map(([cache, counts]) => ({ labels: { cache, ...labels }, value: value(counts) }))
  const fromDatabase = within(
    Promise.all([readMetricCounts(store, timings.metricCounts), queue.counts()]),
    databaseTimeoutMs,
  ).catch((error: unknown) => {
    onError(error)
    return undefined
  })
  const pool = poolCounts(db)
  const [counts, jobs] = (await fromDatabase) ?? []
  return {
    keyhold_build_info: [{ labels: { version: keyholdVersion }, value: 1 }],
    keyhold_sealed: one(held.isSealed ? 1 : 0),
    keyhold_quarantined: byLabel('scope', {
      installation: held.isQuarantined ? 1 : 0,
      tenants: held.older(),
    }),
    keyhold_api_keys_ending: byLabel('within', held.endingKeys() ?? {}),
    keyhold_replicas: one(replicas()),
    keyhold_rate_limit_refusals_total: tallies.rateLimitRefusals.samples(),
    keyhold_authentication_refusals_total: tallies.authenticationRefusals.samples(),
    keyhold_token_refusals_total: tallies.tokenRefusals.samples(),
    keyhold_connection_refusals_total: tallies.connectionRefusals.samples(),
    keyhold_faulty_rows_total: tallies.faultyRows.samples(),
    keyhold_items_total: tallies.items.samples(),
    keyhold_key_cache_hits_total: ofCaches(({ hits }) => hits),
    keyhold_key_cache_misses_total: ofCaches(({ misses }) => misses),
    keyhold_key_cache_evictions_total: [
      ...ofCaches(({ evictedForRoom }) => evictedForRoom, { reason: 'room' }),
      ...ofCaches(({ ended }) => ended, { reason: 'ended' }),
    ],
    keyhold_key_cache_entries: ofCaches(({ entries }) => entries),
    keyhold_key_cache_max_entries: ofCaches(({ maxEntries }) => maxEntries),
    keyhold_kms_calls_total: tallies.kmsCalls.samples(),
    keyhold_kms_own_refusals_total: tallies.kmsOwnRefusals.samples(),
    keyhold_issuer_sign_ins_total: tallies.signIns.samples(),
    keyhold_issuer_pages_wrong: problems === undefined ? [] : one(problems.length),
    keyhold_kms_requests_total: tallies.kmsRequests.samples(),
    keyhold_kms_waits_total: tallies.kmsWaits.samples(),
    keyhold_kms_wait_seconds_total: tallies.kmsWaitSeconds.samples(),
    keyhold_kms_calls_running: one(breaker.running()),
    keyhold_key_state_changes_total: tallies.keyChanges.samples(),
    keyhold_key_probes_total: tallies.keyProbes.samples(),
    keyhold_cipherkeys_rewrapped_total: tallies.rewrapped.samples(),
    keyhold_audit_checkpoints_total: tallies.auditCheckpoints.samples(),
    keyhold_generations_kept_total: tallies.generationsKept.samples(),
    keyhold_jobs: jobs === undefined ? [] : byLabel('state', jobs),
    keyhold_database_up: one(counts === undefined ? 0 : 1),
    keyhold_clock_skew_seconds: one(clock.skewMs() / 1_000),
    keyhold_destructions_blocked: one(clock.agrees() ? 0 : 1),
    keyhold_database_connections: byLabel('state', { busy: pool.busy, idle: pool.idle }),
    keyhold_database_waiting: one(pool.waiting),
    ...samplesOf(counts),
  }
}

type CountedMetric =
  | 'keyhold_keys'
  | 'keyhold_tenants'
  | 'keyhold_key_jobs'
  | 'keyhold_key_jobs_paused'
  | 'keyhold_key_job_cipherkeys'
  | 'keyhold_key_job_failures_open'

function samplesOf(counts: MetricCounts | undefined): Pick<Samples, CountedMetric> {
  if (counts === undefined) {
    return {
      keyhold_keys: [],
      keyhold_tenants: [],
      keyhold_key_jobs: [],
      keyhold_key_jobs_paused: [],
      keyhold_key_job_cipherkeys: [],
      keyhold_key_job_failures_open: [],
    }
  }
  const { keys, tenants, keyJobs, pausedKeyJobs, cipherkeys, openFailures } = counts
  return {
    keyhold_keys: keys.map((each) => ({
      labels: { state: each.state, cause: each.code ?? 'none' },
      value: each.keys,
    })),
    keyhold_tenants: byLabel('locked', { true: tenants.locked, false: tenants.unlocked }),
    keyhold_key_jobs: keyJobs.map(({ kind, phase, jobs }) => ({ labels: { kind, phase }, value: jobs })),
    keyhold_key_jobs_paused: pausedKeyJobs.map(({ code, jobs }) => ({
      labels: { cause: code },
      value: jobs,
    })),
    keyhold_key_job_cipherkeys: byLabel('state', cipherkeys),
    keyhold_key_job_failures_open: one(openFailures),
  }
}

function one(value: number): Sample[] {
  return [{ labels: {}, value }]
}

function byLabel(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }))
}

async function within<Result>(work: Promise<Result>, timeoutMs: number): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error('the database does not answer in time'))
    }, timeoutMs)
  })
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}

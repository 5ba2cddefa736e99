// The database is away, or hangs: what does not come from it is told all the same, and soon.
import { pino } from 'pino'
import { afterEach, expect, test } from 'vitest'
import { readSettings } from '../../src/settings/read-settings.ts'
import { createEventCounts } from '../../src/metrics/event-counts.ts'
import { defaultTimings } from '../../src/timings.ts'
import {
  createMetricsPage,
  openMetrics,
  type MetricSources,
} from '../../src/wiring/listeners/open-metrics.ts'
import type { Store } from '../../src/store/store.ts'
import { openDatabase } from '../../src/store/database.ts'
import { readMetrics } from './read-metrics.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

const nothing = { hits: 1, misses: 2, evictedForRoom: 3, ended: 4, entries: 5, maxEntries: 6 }
const never = new Promise<never>(() => undefined)

test.each([
  ['is away', () => Promise.reject(new Error('away')), 2],
  ['hangs', () => never, 1],
])('a database that %s', async (_, answer, maxReads) => {
  let reads = 0
  const read = () => {
    reads += 1
    return answer()
  }
  const db = openDatabase(
    { url: 'postgres://nobody@127.0.0.1:1/none' },
    { maxConnections: 1, applicationName: 'test', onError: () => undefined },
  )
  closers.push(() => db.destroy())
  const sources: MetricSources = {
    db,
    clock: { skewMs: () => -90_500, agrees: () => false },
    store: {
      readSnapshot: read,
      transaction: read,
      metricCounts: { findKept: read } as unknown as Store['metricCounts'],
    },
    timings: defaultTimings,
    queue: { counts: answer },
    keyring: { tenantKeys: { counts: () => nothing }, dataKeys: { counts: () => nothing } },
    breaker: { running: () => 7 },
    replicas: () => 3,
    isSealed: true,
    isQuarantined: false,
    older: () => 0,
    endingKeys: () => undefined,
    issuerProblems: () => undefined,
  }
  const settings = readSettings({ KEYHOLD_METRICS_PORT: '0' })
  const logger = pino({ level: 'silent' })
  const needs = { events: createEventCounts(), sources, tls: undefined, issuers: undefined }
  const page = createMetricsPage(needs, logger, closers)
  const { url = '' } = (await openMetrics(settings, logger, { page, tls: undefined }, closers)) ?? {}
  const startMs = performance.now()
  const [first] = await Promise.all([fetch(`${url}/metrics`), fetch(`${url}/metrics`)])
  const { value } = readMetrics(await first.text())
  // Who asks while an answer is being made gets the same one.
  expect(reads).toBeLessThanOrEqual(maxReads)
  expect(performance.now() - startMs).toBeLessThan(8_000)
  expect([value('keyhold_database_up'), value('keyhold_sealed')]).toEqual([0, 1])
  expect(value('keyhold_key_cache_evictions_total', { cache: 'data_key', reason: 'room' })).toBe(3)
  expect([value('keyhold_kms_calls_running'), value('keyhold_replicas')]).toEqual([7, 3])
  expect([value('keyhold_clock_skew_seconds'), value('keyhold_destructions_blocked')]).toEqual([-90.5, 1])
  for (const name of ['keyhold_keys', 'keyhold_tenants', 'keyhold_key_job_failures_open', 'keyhold_jobs'])
    expect([name, value(name)]).toEqual([name, undefined])
})

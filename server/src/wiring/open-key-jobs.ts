// The tools with which this replica starts, plans and runs key jobs: threads, budget, failpoints.
import type { Kms } from '@keyhold/core'
import type { Logger } from 'pino'
import type { JobQueue } from '../jobs/job-queue.ts'
import type { EventCounts } from '../metrics/event-counts.ts'
import { noFailpoint, type Failpoint } from '../migration/engine/failpoint.ts'
import { hasFailpoints } from '../migration/engine/has-failpoints.ts'
import { createRewrapThreads, type RewrapThreads } from '../migration/engine/rewrap-threads.ts'
import { createTrafficGauge, type TrafficGauge } from '../migration/engine/traffic-gauge.ts'
import { createTrafficWatch } from '../migration/engine/watch-traffic.ts'
import type { MigrationBudget } from '../migration/estimate-migration.ts'
import type { StartMigrationParts } from '../migration/start-migration.ts'
import type { Settings } from '../settings/read-settings.ts'
import { rewrapRecord } from '../store/cipherkeys/cipherkey-records.ts'
import type { Store } from '../store/store.ts'
import { announceFailpoint } from './announce-failpoint.ts'
import type { Closers } from './close-all.ts'

export type KeyJobBudgetSettings = Pick<
  Settings,
  'migrationThreads' | 'migrationRowsPerSecond' | 'migrationTimeSharePercent'
>

export interface KeyJobTools {
  startParts: StartMigrationParts
  threads: RewrapThreads
  budget: MigrationBudget
  /** Requests of the data plane report to it; key jobs give way by it. */
  gauge: TrafficGauge
}

interface KeyJobNeeds {
  store: Store
  kms: Kms
  queue: JobQueue
  events: EventCounts
  /** Cuts the connections to the database, for failpoints. */
  cut: () => void
}

/** @param closers - receives the function that ends the threads */
export function openKeyJobs(
  settings: KeyJobBudgetSettings & Pick<Settings, 'armFailpoints'>,
  logger: Logger,
  { store, kms, queue, events, cut }: KeyJobNeeds,
  closers: Closers,
): KeyJobTools {
  const threads = countRewraps(createRewrapThreads(settings.migrationThreads), events)
  closers.push(() => threads.close())
  const clock = () => performance.now()
  const watch = createTrafficWatch({
    clock,
    onChange: (isTraffic) => {
      threads.giveWay(isTraffic)
    },
  })
  closers.push(() => {
    watch.close()
    return Promise.resolve()
  })
  const gauge = createTrafficGauge(clock)
  return {
    startParts: {
      store,
      kms,
      failpoint: (hasFailpoints && armedFailpoint(settings, logger, cut)) || noFailpoint,
      enqueue: (transaction, keyJobId) => queue.enqueueKeyJob(transaction, keyJobId),
    },
    threads,
    budget: {
      threads: settings.migrationThreads,
      maxRowsPerSecond: settings.migrationRowsPerSecond,
      timeSharePercent: settings.migrationTimeSharePercent,
    },
    gauge: {
      ...gauge,
      observe(elapsedMs) {
        watch.observe()
        gauge.observe(elapsedMs)
      },
    },
  }
}

function armedFailpoint(
  { armFailpoints }: Pick<Settings, 'armFailpoints'>,
  logger: Logger,
  cut: () => void,
): Failpoint | undefined {
  return armFailpoints?.({ cut, announce: announceFailpoint.bind(undefined, logger) })
}

/** Threads whose work is counted. */
function countRewraps(threads: RewrapThreads, events: Pick<EventCounts, 'rewrapped'>): RewrapThreads {
  return {
    ...threads,
    async rewrap(order) {
      const result = await threads.rewrap(order)
      events.rewrapped(result.records.length / rewrapRecord.bytes)
      return result
    },
  }
}

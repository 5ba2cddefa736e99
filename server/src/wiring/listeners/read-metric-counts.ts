// The counts from the database for metrics. No scrape counts a whole table: one replica does that at times, and the others take it.
import type { CountingPace, MetricCounts, TableCounts } from '../../store/metric-counts.ts'
import type { Store } from '../../store/store.ts'

/** Live key jobs as they are now; everything else as it was counted last. */
export async function readMetricCounts(
  store: Pick<Store, 'metricCounts' | 'transaction' | 'readSnapshot'>,
  pace: CountingPace,
): Promise<MetricCounts> {
  const { endedKeyJobs, ...tables } = await readTableCounts(store, pace)
  const live = await store.readSnapshot(({ metricCounts }) => metricCounts.countLive())
  return { ...tables, ...live, keyJobs: [...live.keyJobs, ...endedKeyJobs] }
}

async function readTableCounts(
  { metricCounts, transaction }: Pick<Store, 'metricCounts' | 'transaction'>,
  pace: CountingPace,
): Promise<TableCounts> {
  const kept = await metricCounts.findKept(pace)
  if (kept.counts !== undefined && !kept.isOld) return kept.counts
  const anew = await transaction((handle) => handle.metricCounts.countAnew(pace))
  // Where nobody has ever counted, and another replica is about to, two count this once.
  return anew ?? kept.counts ?? metricCounts.countTables()
}

// All benchmarks. They run one after the other, as they would disturb each other.
import type { Report } from './measurement.ts'
import type { Sizes } from './sizes.ts'

type Benchmark = (sizes: Sizes, report: Report) => Promise<void>

// Each one is imported when it runs: the libraries that it compares with take seconds to load.
const benchmarks: Readonly<Record<string, () => Promise<Benchmark>>> = {
  values: async () => (await import('./values/compare-values.ts')).compareValues,
  endpoints: async () => (await import('./endpoints/compare-endpoints.ts')).compareEndpoints,
  callers: async () => (await import('./endpoints/compare-callers.ts')).compareCallers,
  migration: async () => (await import('./migration/compare-migrations.ts')).compareMigrations,
  growth: async () => (await import('./migration/compare-growth.ts')).compareGrowth,
  'beside-traffic': async () => (await import('./migration/compare-beside-traffic.ts')).compareBesideTraffic,
  files: async () => (await import('./files/compare-files.ts')).compareFiles,
  'kms-calls': async () => (await import('./kms-calls/count-kms-calls.ts')).countKmsCalls,
}

export const benchmarkNames: readonly string[] = Object.keys(benchmarks)

/** @param only - names of benchmarks; default: all */
export async function runBenchmarks(
  sizes: Sizes,
  report: Report,
  only: readonly string[] = benchmarkNames,
): Promise<void> {
  for (const name of only) {
    const load = benchmarks[name]
    if (load === undefined) throw new RangeError(`"only" expected one of ${benchmarkNames.join(', ')}`)
    const run = await load()
    await run(sizes, report)
  }
}

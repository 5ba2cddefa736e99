// All benchmarks, one after the other: they would disturb each other.
import { compareEndpoints } from './endpoints/compare-endpoints.ts'
import { compareFiles } from './files/compare-files.ts'
import { countKmsCalls } from './kms-calls/count-kms-calls.ts'
import { compareBesideTraffic } from './migration/compare-beside-traffic.ts'
import { compareGrowth } from './migration/compare-growth.ts'
import { compareMigrations } from './migration/compare-migrations.ts'
import { compareValues } from './values/compare-values.ts'
import type { Report } from './measurement.ts'
import type { Sizes } from './sizes.ts'

const benchmarks: Readonly<Record<string, (sizes: Sizes, report: Report) => Promise<void>>> = {
  values: compareValues,
  endpoints: compareEndpoints,
  migration: compareMigrations,
  growth: compareGrowth,
  'beside-traffic': compareBesideTraffic,
  files: compareFiles,
  'kms-calls': countKmsCalls,
}

export const benchmarkNames: readonly string[] = Object.keys(benchmarks)

/** @param only - names of benchmarks; default: all */
export async function runBenchmarks(
  sizes: Sizes,
  report: Report,
  only: readonly string[] = benchmarkNames,
): Promise<void> {
  for (const name of only) {
    const run = benchmarks[name]
    if (run === undefined) throw new RangeError(`"only" expected one of ${benchmarkNames.join(', ')}`)
    await run(sizes, report)
  }
}

// How long a migration would take: what was measured of a sample, within the budget. Traffic, to which key jobs give way,
// is not foreseen.
import { availableParallelism } from 'node:os'
import type { CipherkeyCensus } from './take-census.ts'

/** The settings of key jobs on this replica. */
export interface MigrationBudget {
  threads: number
  /** 0: no limit. */
  maxRowsPerSecond: number
  /** 1 to 100. */
  timeSharePercent: number
}

export interface MigrationEstimate {
  /** Copying and verifying; undefined where nothing was measured. */
  seconds: number | undefined
  /** While copying. */
  keysPerSecond: number | undefined
  sampledCipherkeys: number
}

// Writing is not measured, since nothing is changed: of a row it takes about so many times as long as reading.
const writeFactor = 4
// Of unwrapping, wrapping and unwrapping again, verifying does one third.
const verifyShare = 1 / 3
// Of fewer rows the time is mostly that of starting threads.
const minSample = 1_000
// The steps besides: calls to the KMS, commits.
const fixedSeconds = 1

export function estimateMigration(census: CipherkeyCensus, budget: MigrationBudget): MigrationEstimate {
  const { total, checked, readMs, rewrapMs } = census
  if (total === 0) return { seconds: fixedSeconds, keysPerSecond: undefined, sampledCipherkeys: 0 }
  if (checked === 0) return { seconds: undefined, keysPerSecond: undefined, sampledCipherkeys: 0 }
  const threads = Math.min(budget.threads, availableParallelism())
  // Reading, rewrapping and writing overlap: the slowest of them decides.
  const copyMs = Math.max((readMs / checked) * writeFactor, rewrapMs / checked / threads)
  const verifyMs = Math.max(readMs / checked, (rewrapMs / checked / threads) * verifyShare)
  const [copyRate, verifyRate] = [copyMs, verifyMs].map((ms) => withinBudget(1_000 / ms, budget))
  const seconds = fixedSeconds + total / (copyRate ?? 1) + total / (verifyRate ?? 1)
  return {
    seconds: Math.ceil(seconds),
    keysPerSecond: checked < minSample ? undefined : Math.round(copyRate ?? 0),
    sampledCipherkeys: checked,
  }
}

function withinBudget(
  keysPerSecond: number,
  { maxRowsPerSecond, timeSharePercent }: MigrationBudget,
): number {
  const share = (keysPerSecond * timeSharePercent) / 100
  return maxRowsPerSecond === 0 ? share : Math.min(share, maxRowsPerSecond)
}

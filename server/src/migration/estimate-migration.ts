// Estimates how long a migration would take, from a measured sample and the budget. It does not foresee traffic, to
// which key jobs give way.
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
  /** For copying and verifying; undefined where nothing was measured. */
  seconds: number | undefined
  /** While copying. */
  keysPerSecond: number | undefined
  sampledCipherkeys: number
}

// Writing is not measured, since a plan changes nothing. Writing a row takes about this many times as long as reading
// it.
const writeFactor = 4
// Copying unwraps, wraps and unwraps again; verifying unwraps once.
const verifyShare = 1 / 3
// With fewer rows, most of the time goes into starting threads.
const minSample = 1_000
// The other steps: calls to the KMS and commits.
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

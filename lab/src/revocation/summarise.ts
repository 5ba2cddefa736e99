// Summarises many trials in one table: how the times are distributed, for each way.
import { percentile } from '../../../testkit/src/statistics/percentile.ts'
import { killSwitch } from './run-lock-trial.ts'
import type { TrialResult } from './run-trial.ts'

/** Seconds, by the nearest rank. */
export interface Distribution {
  min: number
  p50: number
  p90: number
  p99: number
  max: number
}

export interface WaySummary {
  way: string
  trials: number
  /** From the moment when the key was taken away until the KMS first refused; one value a trial. */
  firstRefusal: Distribution | undefined
  /** From the first refusal until nothing is decrypted any more; one value a trial and replica. */
  closed: Distribution | undefined
  /** The same from the moment when the key was taken away. */
  closedFromTaking: Distribution | undefined
  /** From the first refusal until the last lease ended. */
  leaseEnd: Distribution | undefined
  /** From the moment when the key was given back until everything is answered again. */
  opened: Distribution | undefined
  answers: Record<string, number>
  violations: number
}

export function distributionOf(valuesMs: readonly number[]): Distribution | undefined {
  if (valuesMs.length === 0) return undefined
  const at = (share: number) => Math.round(percentile(valuesMs, share)) / 1_000
  return {
    min: Math.round(Math.min(...valuesMs)) / 1_000,
    p50: at(0.5),
    p90: at(0.9),
    p99: at(0.99),
    max: at(1),
  }
}

/** One summary for each way, in the order of their first trials, and one of all trials that take a key away. */
export function summarise(results: readonly TrialResult[]): WaySummary[] {
  const names = [...new Set(results.map(({ way }) => way))]
  const each = names.map((name) =>
    summaryOf(
      name,
      results.filter(({ way }) => way === name),
    ),
  )
  const taken = results.filter(({ way, replicas }) => replicas.length > 0 && !way.startsWith(killSwitch))
  return taken.length > 0 ? [...each, summaryOf('all keys taken away', taken)] : each
}

function summaryOf(way: string, results: readonly TrialResult[]): WaySummary {
  const replicas = results.flatMap((result) => result.replicas)
  const answers: Record<string, number> = {}
  for (const result of results)
    for (const [answer, count] of Object.entries(result.answers))
      answers[answer] = (answers[answer] ?? 0) + count
  return {
    way,
    trials: results.length,
    firstRefusal: distributionOf(results.flatMap(({ firstRefusalMs: ms }) => (ms === undefined ? [] : [ms]))),
    closed: distributionOf(replicas.map(({ closedMs }) => closedMs)),
    closedFromTaking: distributionOf(replicas.map(({ closedFromTakingMs }) => closedFromTakingMs)),
    leaseEnd: distributionOf(replicas.map(({ leaseEndMs }) => leaseEndMs)),
    opened: distributionOf(replicas.map(({ openedMs }) => openedMs)),
    answers,
    violations: results.reduce((sum, { violations }) => sum + violations.length, 0),
  }
}

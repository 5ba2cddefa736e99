// The options of a campaign, and its result.
import type { FaultName } from './inject.ts'
import type { Revocations } from './revoke-key.ts'
import type { TrafficCounts } from './traffic.ts'

export interface CampaignOptions {
  /** Goes on until at least this many processes were killed. */
  kills: number
  /** Goes on until at least this many failpoints killed a replica, too. Default: 0. */
  minFailpoints?: number
  /** Data keys of each tenant at the beginning. */
  cipherkeys: number
  tenants: number
  seed: number
  /** When it aborts, there are no more faults, and what happened so far is judged. */
  signal?: AbortSignal
  say: (line: string) => void
}

/** The members before `details` are the last line of `npm run faults`. */
export interface CampaignResult {
  kills: number
  /** Migrations that ended, completed or cancelled. */
  migrations: number
  keys: number
  lost: number
  wrong: number
  /** Migrations that did not end by themselves once the faults were over. */
  manual: number
  failpointsHit: number
  failpoints: number
  seed: number
  details: {
    completed: number
    aborted: number
    faults: Partial<Record<FaultName, number>>
    /** How often a failpoint killed, threw, cut or delayed. */
    failpointActions: Record<string, number>
    revocations: Omit<Revocations, 'problems'>
    /** Faults that cannot be done here, with the reason. */
    missingFaults: string[]
    traffic: Omit<TrafficCounts, 'unexpected' | 'wrong'>
    missedFailpoints: string[]
    problems: string[]
  }
}

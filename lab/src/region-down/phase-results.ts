// The results of one phase of a run: figures of each kind of tenants, the states of their keys, and the region's return.
import { keyholdAccount } from '../../../testkit/src/customer/key-policy.ts'
import type { Cluster } from '../../../testkit/src/cluster/start-cluster.ts'
import type { KeyChange } from './change-keys.ts'
import {
  tenantKinds,
  type PhaseResult,
  type ReturnResult,
  type ShownResult,
  type TenantKind,
} from './region-down-result.ts'
import { figuresOf, type Phase, type PhaseFigures } from './watched-outage.ts'
import type { WatchedTenant } from './watch-tenant.ts'

export function phaseResult(
  phase: Phase,
  watched: readonly WatchedTenant[],
  { kms }: Cluster,
  keyChanges: KeyChange[],
): PhaseResult {
  const figures = (kind: TenantKind) =>
    figuresOf(
      watched
        .filter((one) => one.kind === kind)
        .flatMap((one) => one.replies())
        .toSorted((one, other) => one.doneMs - other.doneMs),
      phase,
    )
  const kmsCalls: Record<string, number> = {}
  for (const { region, account, count } of kms.callCounts())
    if (account === keyholdAccount) kmsCalls[region] = (kmsCalls[region] ?? 0) + count
  return {
    phase: phase.name,
    seconds: Math.round((phase.endMs - phase.startMs) / 100) / 10,
    tenants: Object.fromEntries(tenantKinds.map((kind) => [kind, figures(kind)])) as Record<
      TenantKind,
      PhaseFigures
    >,
    kmsCalls,
    keyChanges,
  }
}

export function shownDuring(
  { startMs, endMs }: Phase,
  outage: string,
  watched: readonly WatchedTenant[],
): ShownResult[] {
  return watched.flatMap(({ kind, health }) => {
    if (health === undefined) return []
    const shown = health.states
      .filter(({ atMs }) => atMs >= startMs && atMs < endMs)
      .map(({ atMs, state }) => ({ after: seconds(atMs - startMs), state }))
    return [{ outage, kind, shown }]
  })
}

export function returnOf(
  outage: string,
  backMs: number,
  ownAnswersMs: readonly number[],
  watched: readonly WatchedTenant[],
): ReturnResult {
  const usedMs = ownAnswersMs.find((atMs) => atMs >= backMs)
  const shownHealthyAfter: Partial<Record<TenantKind, number>> = {}
  for (const { kind, health } of watched) {
    const last = health?.states.at(-1)
    if (last?.state !== 'healthy') continue
    const after = Math.max(0, seconds(last.atMs - backMs))
    shownHealthyAfter[kind] = Math.max(shownHealthyAfter[kind] ?? 0, after)
  }
  return {
    outage,
    ownRegionUsedAfter: usedMs === undefined ? undefined : seconds(usedMs - backMs),
    shownHealthyAfter,
  }
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10
}

// A region of the KMS goes down under load, in each of the ways in which regions go down, and comes back: what tenants
// with and without a replica see of it, what is shown of their keys, and where the KMS is asked.
import type { AnsweredCall, Outage } from '@keyhold/local-kms'
import os from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { createTenant } from '../../../testkit/src/bench-api.ts'
import { keyholdAccount } from '../../../testkit/src/customer-key.ts'
import { startCluster, type Cluster } from '../../../testkit/src/cluster/cluster.ts'
import { ownRegion, replicaRegion, type CustomerOptions } from '../revocation/customer.ts'
import { createRevocableTenant, type RevocableTenant } from '../revocation/revocable-tenant.ts'
import { startWatchedTraffic, type Reply } from '../revocation/watched-traffic.ts'
import { migrateToInternal, migrateToKey, rotate, type KeyChange } from './change-keys.ts'
import { problemsOf } from './judge-region-down.ts'
import type {
  PhaseResult,
  RegionDownResult,
  ReturnResult,
  ShownResult,
  TenantKind,
} from './region-down-result.ts'
import { watchHealth, type WatchedHealth } from './watched-health.ts'
import { figuresOf, type Phase, type PhaseFigures } from './watched-outage.ts'

export interface RegionDownOptions {
  /** How long the region is down, all outages together. */
  minutes: number
  /** Requests a second, of all tenants together. */
  rate: number
  ttlSeconds: number
  /** In which ways it goes down, one after the other, each for its share of the time. Default: all. */
  outages?: readonly Outage[]
  /** How many tenants of each kind, besides one with a replica whose key is changed meanwhile. */
  tenants?: Readonly<Record<TenantKind, number>>
  say: (line: string) => void
}

const allOutages: readonly Outage[] = ['refused', 'hanging', 'failing']
// Requests a second of one tenant on two replicas at the usual pace.
const usualRate = 26
const usualTenants: Record<TenantKind, number> = {
  'with a replica': 4,
  'replica without a policy': 2,
  'single region': 2,
  'internal KMS': 2,
}
const quietMs = 30_000
const recoveryMs = 60_000
const changePatienceMs = 60_000

interface Watched {
  kind: TenantKind
  replies: () => readonly Reply[]
  wrong: readonly string[]
  health: WatchedHealth | undefined
  stop: () => Promise<void>
}

export async function runRegionDown(options: RegionDownOptions): Promise<RegionDownResult> {
  const { minutes, rate, ttlSeconds, outages = allOutages, tenants = usualTenants, say } = options
  const ownAnswersMs: number[] = []
  const onKmsAnswer = ({ callerAccount, region, outcome, operation }: AnsweredCall) => {
    const isAnswer = callerAccount === keyholdAccount && region === ownRegion && outcome === 'answered'
    if (isAnswer && operation === 'Decrypt') ownAnswersMs.push(performance.now())
  }
  const before = loadOfLastMinute()
  const settings = {
    KEYHOLD_KEY_CACHE_TTL_SECONDS: String(ttlSeconds),
    KEYHOLD_DR_REGIONS: `${ownRegion}:${replicaRegion}`,
  }
  const cluster = await startCluster(() => undefined, { settings, onKmsAnswer })
  const watched: Watched[] = []
  try {
    await Promise.all(cluster.replicas.map((replica) => replica.start()))
    const total = Object.values(tenants).reduce((sum, count) => sum + count, 1)
    const paceOf = (usualRate * total) / rate
    const add = async (kind: TenantKind) => {
      const one = await createWatched(cluster, kind, paceOf)
      watched.push(one)
      return one
    }
    const wanted = Object.entries(tenants) as [TenantKind, number][]
    await Promise.all(wanted.flatMap(([kind, count]) => Array.from({ length: count }, () => add(kind))))
    // Its key is changed while the region is down; it must notice that as little as the others.
    const changing = await add('with a replica')

    const result: RegionDownResult = {
      ...{ phases: [], returns: [], shown: [], problems: [] },
      loadAverage: { before, after: 0 },
    }
    const during = async (
      name: string,
      ms: number,
      meanwhile: () => Promise<KeyChange[]>,
    ): Promise<Phase> => {
      say(`${name}: ${Math.round(ms / 1_000)} s`)
      cluster.kms.resetCallCounts()
      const startMs = performance.now()
      const [keyChanges] = await Promise.all([meanwhile(), sleep(ms)])
      const phase = { name, startMs, endMs: performance.now() }
      const figures = phaseResult(phase, watched, cluster, keyChanges)
      result.phases.push(figures)
      say(JSON.stringify(figures.tenants['with a replica']))
      return phase
    }
    const nothing = () => Promise.resolve([])
    const downMs = (minutes * 60_000) / outages.length
    const quiet = Math.min(quietMs, downMs / 3)
    await sleep(Math.min(10_000, quiet))
    await during('before', quiet, nothing)
    for (const outage of outages) {
      cluster.kms.regions.takeDown(ownRegion, outage)
      const phase = await during(outage, downMs, async () => {
        await sleep(Math.min(downMs / 4, ttlSeconds * 1_000))
        if (changing.tenant === undefined) return []
        const patienceMs = Math.max(changePatienceMs, downMs / 3)
        const changes = [
          await rotate(cluster, changing.tenant, patienceMs),
          await migrateToInternal(cluster, changing.tenant, patienceMs),
          await migrateToKey(cluster, changing.tenant, patienceMs),
        ]
        return changes
      })
      const backMs = performance.now()
      cluster.kms.regions.bringBack(ownRegion)
      await during(`after ${outage}`, Math.max(quiet, Math.min(recoveryMs, downMs / 2)), async () => {
        if (changing.tenant === undefined) return []
        const back = await migrateToKey(cluster, changing.tenant, recoveryMs)
        return [back]
      })
      result.shown.push(
        ...shownDuring(
          phase,
          outage,
          watched.filter((one) => one !== changing),
        ),
      )
      result.returns.push(returnOf(outage, backMs, ownAnswersMs, watched))
    }
    result.problems = [...watched.flatMap(({ wrong }) => wrong), ...problemsOf(result)]
    result.loadAverage.after = loadOfLastMinute()
    return result
  } finally {
    await Promise.all(watched.map((one) => one.stop()))
    await cluster.stop()
  }

  async function createWatched(on: Cluster, kind: TenantKind, paceOf: number) {
    if (kind === 'internal KMS') {
      const tenant = await createTenant(on.replicas[0]?.url ?? '', on.operatorToken)
      const traffic = startWatchedTraffic(tenant, on.replicas, paceOf)
      return {
        ...{ kind, replies: () => traffic.replies(), wrong: traffic.wrong, stop: () => traffic.stop() },
        ...{ health: undefined, tenant: undefined },
      }
    }
    const tenant: RevocableTenant = await createRevocableTenant(on, {
      kind: kind satisfies CustomerOptions['kind'],
      paceOf,
    })
    const { traffic } = tenant
    const health = watchHealth(() => tenant.keyState())
    const stop = async () => {
      await health.stop()
      await tenant.stop()
    }
    return { kind, tenant, health, stop, replies: () => traffic.replies(), wrong: traffic.wrong }
  }
}

const kinds = Object.keys(usualTenants) as TenantKind[]

function phaseResult(
  phase: Phase,
  watched: readonly Watched[],
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
    tenants: Object.fromEntries(kinds.map((kind) => [kind, figures(kind)])) as Record<
      TenantKind,
      PhaseFigures
    >,
    kmsCalls,
    keyChanges,
  }
}

function shownDuring({ startMs, endMs }: Phase, outage: string, watched: readonly Watched[]): ShownResult[] {
  return watched.flatMap(({ kind, health }) => {
    if (health === undefined) return []
    const shown = health.states
      .filter(({ atMs }) => atMs >= startMs && atMs < endMs)
      .map(({ atMs, state }) => ({ after: seconds(atMs - startMs), state }))
    return [{ outage, kind, shown }]
  })
}

function returnOf(
  outage: string,
  backMs: number,
  ownAnswersMs: readonly number[],
  watched: readonly Watched[],
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

function loadOfLastMinute(): number {
  return Math.round((os.loadavg()[0] ?? 0) * 10) / 10
}

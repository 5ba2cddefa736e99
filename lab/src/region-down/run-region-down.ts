// A region of the KMS goes down under load, in each of the ways in which regions go down, and comes back. The run shows how
// tenants with and without a replica fare, how their keys are shown, and where the KMS is asked.
import type { AnsweredCall, Outage } from '@keyhold/local-kms'
import { setTimeout as sleep } from 'node:timers/promises'
import { startCluster, type Cluster } from '../../../testkit/src/cluster/start-cluster.ts'
import { ownRegion, replicaRegion } from '../../../testkit/src/customer/customer-kms.ts'
import { keyholdAccount } from '../../../testkit/src/customer/key-policy.ts'
import { loadAverage } from '../load-average.ts'
import { migrateToInternal, migrateToKey, rotate, type KeyChange } from './change-keys.ts'
import { problemsOf } from './judge-region-down.ts'
import { phaseResult, returnOf, shownDuring } from './phase-results.ts'
import type { RegionDownResult, TenantKind } from './region-down-result.ts'
import { watchTenant, type WatchedTenant } from './watch-tenant.ts'
import type { Phase } from './watched-outage.ts'

export interface RegionDownOptions {
  /** How long the region is down, all outages together. */
  minutes: number
  /** Requests a second, of all tenants together. */
  rate: number
  ttlSeconds: number
  /** The ways in which it goes down, one after the other, each for its share of the time. Default: all. */
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
const settleMs = 10_000
const recoveryMs = 60_000
const changePatienceMs = 60_000

export async function runRegionDown(options: RegionDownOptions): Promise<RegionDownResult> {
  const ownAnswersMs: number[] = []
  const onKmsAnswer = ({ callerAccount, region, outcome, operation }: AnsweredCall) => {
    const isAnswer = callerAccount === keyholdAccount && region === ownRegion && outcome === 'answered'
    if (isAnswer && operation === 'Decrypt') ownAnswersMs.push(performance.now())
  }
  const before = loadAverage()
  const settings = {
    KEYHOLD_KEY_CACHE_TTL_SECONDS: String(options.ttlSeconds),
    KEYHOLD_DR_REGIONS: `${ownRegion}:${replicaRegion}`,
  }
  const cluster = await startCluster(() => undefined, { settings, onKmsAnswer })
  const watched: WatchedTenant[] = []
  try {
    await Promise.all(cluster.replicas.map((replica) => replica.start()))
    const changing = await watchTenants(cluster, options, watched)
    const result: RegionDownResult = {
      ...{ phases: [], returns: [], shown: [], problems: [] },
      loadAverage: { before, after: 0 },
    }
    await runPhases({ options, cluster, watched, changing, ownAnswersMs }, result)
    result.problems = [...watched.flatMap(({ wrong }) => wrong), ...problemsOf(result)]
    result.loadAverage.after = loadAverage()
    return result
  } finally {
    await Promise.all(watched.map((one) => one.stop()))
    await cluster.stop()
  }
}

/** Starts the traffic of all tenants, and answers the one whose key is changed while the region is down. */
async function watchTenants(
  cluster: Cluster,
  { tenants = usualTenants, rate }: RegionDownOptions,
  watched: WatchedTenant[],
): Promise<WatchedTenant> {
  const total = Object.values(tenants).reduce((sum, count) => sum + count, 1)
  const paceOf = (usualRate * total) / rate
  const add = async (kind: TenantKind) => {
    const one = await watchTenant(cluster, kind, paceOf)
    watched.push(one)
    return one
  }
  const wanted = Object.entries(tenants) as [TenantKind, number][]
  await Promise.all(wanted.flatMap(([kind, count]) => Array.from({ length: count }, () => add(kind))))
  // The change of its key must disturb it as little as the others.
  return add('with a replica')
}

interface RegionDownScene {
  options: RegionDownOptions
  cluster: Cluster
  watched: readonly WatchedTenant[]
  changing: WatchedTenant
  /** When the KMS answered in the own region. */
  ownAnswersMs: readonly number[]
}

async function runPhases(scene: RegionDownScene, result: RegionDownResult): Promise<void> {
  const { options, cluster, watched, changing, ownAnswersMs } = scene
  const { minutes, ttlSeconds, outages = allOutages, say } = options
  const downMs = (minutes * 60_000) / outages.length
  const quiet = Math.min(quietMs, downMs / 3)

  async function during(name: string, ms: number, meanwhile: () => Promise<KeyChange[]>): Promise<Phase> {
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

  async function changeKeys(): Promise<KeyChange[]> {
    await sleep(Math.min(downMs / 4, ttlSeconds * 1_000))
    if (changing.tenant === undefined) return []
    const patienceMs = Math.max(changePatienceMs, downMs / 3)
    return [
      await rotate(cluster, changing.tenant, patienceMs),
      await migrateToInternal(cluster, changing.tenant, patienceMs),
      await migrateToKey(cluster, changing.tenant, patienceMs),
    ]
  }

  async function changeBack(): Promise<KeyChange[]> {
    if (changing.tenant === undefined) return []
    return [await migrateToKey(cluster, changing.tenant, recoveryMs)]
  }

  await sleep(Math.min(settleMs, quiet))
  await during('before', quiet, () => Promise.resolve([]))
  const unchanged = watched.filter((one) => one !== changing)
  for (const outage of outages) {
    cluster.kms.regions.takeDown(ownRegion, outage)
    const phase = await during(outage, downMs, changeKeys)
    const backMs = performance.now()
    cluster.kms.regions.bringBack(ownRegion)
    await during(`after ${outage}`, Math.max(quiet, Math.min(recoveryMs, downMs / 2)), changeBack)
    result.shown.push(...shownDuring(phase, outage, unchanged))
    result.returns.push(returnOf(outage, backMs, ownAnswersMs, watched))
  }
}

// The things that all parts of a campaign share: the target of the attack, the choices, and the observations so far.
import type { Cluster } from '../../../testkit/src/cluster/start-cluster.ts'
import type { SeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import type { CampaignOptions } from './campaign-result.ts'
import type { FailpointPlan } from './failpoint-plan.ts'
import type { FaultName } from './inject.ts'
import type { Oracle } from './oracle.ts'
import type { Revocations } from './revoke-key.ts'
import type { TrafficCounts } from './traffic.ts'
import type { WatchedTenant } from './watched-tenant.ts'

export interface CampaignScene {
  readonly options: CampaignOptions
  readonly cluster: Cluster
  readonly oracle: Oracle
  readonly random: SeededRandom
  readonly plan: FailpointPlan
  readonly tenants: WatchedTenant[]
  readonly traffic: TrafficCounts
  readonly revocations: Revocations
  /** How often each fault was done. */
  readonly faults: Partial<Record<FaultName, number>>
  /** Everything that no fault explains, but for losses and wrong keys, which the examiner has. */
  readonly problems: string[]
}

/** Any replica that serves now; undefined while none does. */
export function servingUrl({ cluster, random }: CampaignScene): string | undefined {
  const serving = cluster.replicas.flatMap(({ url }) => (url === undefined ? [] : [url]))
  return serving.length === 0 ? undefined : random.pick(serving)
}

/** How many processes were killed: replicas and postmasters. */
export function countKills({ cluster, faults }: CampaignScene): number {
  return cluster.replicas.reduce((sum, { kills }) => sum + kills, faults['kill the postmaster'] ?? 0)
}

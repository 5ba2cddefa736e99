// A tenant of one kind with its traffic, and the health that its key shows.
import type { Cluster } from '../../../testkit/src/cluster/start-cluster.ts'
import { createTenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { createRevocableTenant, type RevocableTenant } from '../revocation/revocable-tenant.ts'
import { startWatchedTraffic, type Reply } from '../revocation/watched-traffic.ts'
import type { TenantKind } from './region-down-result.ts'
import { watchHealth, type WatchedHealth } from './watched-health.ts'

export interface WatchedTenant {
  kind: TenantKind
  replies: () => readonly Reply[]
  wrong: readonly string[]
  /** Undefined under the internal KMS, as is the tenant with its key. */
  health: WatchedHealth | undefined
  tenant: RevocableTenant | undefined
  stop: () => Promise<void>
}

/** @param paceOf - see `startWatchedTraffic` */
export async function watchTenant(
  cluster: Cluster,
  kind: TenantKind,
  paceOf: number,
): Promise<WatchedTenant> {
  if (kind === 'internal KMS') {
    const tenant = await createTenant(cluster.replicas[0]?.url ?? '', cluster.operatorToken)
    const traffic = startWatchedTraffic(tenant, cluster.replicas, paceOf)
    return {
      ...{ kind, replies: () => traffic.replies(), wrong: traffic.wrong, stop: () => traffic.stop() },
      ...{ health: undefined, tenant: undefined },
    }
  }
  const tenant = await createRevocableTenant(cluster, { kind, paceOf })
  const { traffic } = tenant
  const health = watchHealth(() => tenant.keyState())
  const stop = async () => {
    await health.stop()
    await tenant.stop()
  }
  return { kind, tenant, health, stop, replies: () => traffic.replies(), wrong: traffic.wrong }
}

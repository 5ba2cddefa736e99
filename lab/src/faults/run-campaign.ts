// A campaign: migrations to and fro on two replicas, values encrypted and decrypted meanwhile, and everything that can
// fail made to fail. After each migration, and at the end with cold caches, the oracle opens every key.
import { isProblem } from '../../../testkit/src/cluster/is-problem.ts'
import { startCluster } from '../../../testkit/src/cluster/start-cluster.ts'
import { createSeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import { attack } from './attack.ts'
import type { CampaignOptions, CampaignResult } from './campaign-result.ts'
import { servingUrl, type CampaignScene } from './campaign-scene.ts'
import { conclude } from './conclude.ts'
import { createExaminer } from './examiner.ts'
import { createFailpointPlan } from './failpoint-plan.ts'
import { createOracle } from './oracle.ts'
import { createRevocations } from './revoke-key.ts'
import { createTrafficCounts } from './traffic.ts'
import { createWatchedTenant } from './watched-tenant.ts'

export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const problems: string[] = []
  const cluster = await startCluster((line) => {
    if (isProblem(line)) problems.push(line)
  })
  const random = createSeededRandom(options.seed)
  const oracle = createOracle(cluster)
  const scene: CampaignScene = {
    ...{ options, cluster, oracle, random, problems },
    plan: createFailpointPlan(cluster.replicas, random),
    tenants: [],
    traffic: createTrafficCounts(),
    revocations: createRevocations(),
    faults: {},
  }
  try {
    await prepare(scene)
    const examiner = createExaminer(scene)
    await attack(scene, examiner)
    return await conclude(scene, examiner)
  } finally {
    oracle.close()
    await cluster.stop()
  }
}

async function prepare(scene: CampaignScene): Promise<void> {
  const { options, cluster, oracle, tenants } = scene
  await Promise.all(cluster.replicas.map((replica) => replica.start()))
  while (tenants.length < options.tenants) {
    const url = servingUrl(scene) ?? ''
    tenants.push(
      await createWatchedTenant(cluster, url, options.cipherkeys, (tenantId, version) =>
        oracle.openTenantKey(tenantId, version),
      ),
    )
  }
  options.say(`${options.tenants} tenants with ${options.cipherkeys} data keys each`)
}

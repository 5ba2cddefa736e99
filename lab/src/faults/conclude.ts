// The end of a campaign, without faults: all migrations must end by themselves, every key must open, and every token must
// be readable with the tenant's current key alone.
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms'
import { setTimeout as sleep } from 'node:timers/promises'
import { failpointNames } from '../../../server/src/migration/engine/failpoint.ts'
import type { Cluster } from '../../../testkit/src/cluster/start-cluster.ts'
import { openCustomerKms } from '../../../testkit/src/customer/customer-kms.ts'
import type { CampaignResult } from './campaign-result.ts'
import { countKills, type CampaignScene } from './campaign-scene.ts'
import type { Examiner } from './examiner.ts'
import { missingFaults } from './inject.ts'
import { decryptSome } from './traffic.ts'

const recoveryMs = 180_000
const pollMs = 500
const startAttempts = 10

export async function conclude(scene: CampaignScene, examiner: Examiner): Promise<CampaignResult> {
  const { cluster, tenants, problems } = scene
  await restartReplicas(cluster)
  const live = await waitForEnds(cluster)
  for (const job of live) problems.push(`still live: ${JSON.stringify(job)}`)
  await examiner.countEnded()
  for (const tenant of tenants) await examiner.examine(tenant)
  await readAllWithoutFormerKeys(scene, examiner)
  await Promise.all(cluster.replicas.map((replica) => replica.stop()))
  return resultOf(scene, examiner, live.length)
}

async function restartReplicas({ replicas }: Cluster): Promise<void> {
  for (const replica of replicas) {
    await replica.kill()
    for (let attempt = 0; replica.url === undefined && attempt < startAttempts; attempt++)
      await replica.start()
  }
}

/** Answers the key jobs that are still live when the time for recovery is over. */
async function waitForEnds({ sql }: Cluster): Promise<Record<string, unknown>[]> {
  const deadlineMs = performance.now() + recoveryMs
  for (;;) {
    const live = await sql(
      `select id, phase, last_error from keyhold.key_jobs where phase not in ('done', 'aborted')`,
    )
    if (live.length === 0 || performance.now() > deadlineMs) return live
    await sleep(pollMs)
  }
}

// With cold caches, and with every key disabled that is not its tenant's current one: nothing may need it.
async function readAllWithoutFormerKeys(scene: CampaignScene, examiner: Examiner): Promise<void> {
  const { cluster, tenants, traffic } = scene
  const kms = openCustomerKms(cluster.kms.url)
  const former = await cluster.sql(
    `select key_arn from keyhold.key_providers where kms = 'aws' and not is_current`,
  )
  try {
    for (const { key_arn: KeyId } of former) await kms.send(new DisableKeyCommand({ KeyId: String(KeyId) }))
    await restartReplicas(cluster)
    for (const tenant of tenants) {
      for (const { url } of cluster.replicas) {
        const isRead = url !== undefined && (await decryptSome(url, tenant, tenant.tokens, traffic))
        if (!isRead)
          examiner.lost.add(`${tenant.tenantId}: its tokens cannot be read with its current key alone`)
      }
      await examiner.examine(tenant)
    }
    for (const { key_arn: KeyId } of former) await kms.send(new EnableKeyCommand({ KeyId: String(KeyId) }))
  } finally {
    kms.destroy()
  }
}

function resultOf(scene: CampaignScene, examiner: Examiner, manual: number): CampaignResult {
  const { cluster, plan, tenants, faults, options } = scene
  const { ended, completed, lost } = examiner
  const { problems: late, ...revocations } = scene.revocations
  const { encrypted, decrypted, refused, unexpected, wrong: wrongPlaintexts } = scene.traffic
  const hit = plan.killedAt()
  const wrong = [...examiner.wrong, ...wrongPlaintexts]
  return {
    kills: countKills(scene),
    migrations: ended.size,
    keys: tenants.reduce((sum, tenant) => sum + tenant.checkValues.size, 0),
    lost: lost.size,
    wrong: wrong.length,
    manual,
    failpointsHit: hit.size,
    failpoints: failpointNames.length,
    seed: options.seed,
    details: {
      completed: completed.size,
      aborted: ended.size - completed.size,
      faults,
      failpointActions: plan.actions(),
      revocations,
      missingFaults: missingFaults(cluster),
      traffic: { encrypted, decrypted, refused },
      missedFailpoints: failpointNames.filter((name) => !hit.has(name)),
      problems: [
        ...scene.problems,
        ...unexpected,
        ...late,
        ...[...lost].map((each) => `lost: ${each}`),
        ...wrong.map((each) => `wrong: ${each}`),
      ],
    },
  }
}

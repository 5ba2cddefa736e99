// The attack: in short ticks it kills and restarts replicas, injects faults, takes keys away, sends traffic, and starts
// and cancels migrations, until enough processes were killed.
import { setTimeout as sleep } from 'node:timers/promises'
import { createBackground, type InBackground } from './background.ts'
import { countKills, servingUrl, type CampaignScene } from './campaign-scene.ts'
import { createMigrationDriver } from './drive-migrations.ts'
import type { Examiner } from './examiner.ts'
import { faultKinds, pickFault } from './inject.ts'
import { readLiveKeyJobs } from './live-key-jobs.ts'
import { revokeKey } from './revoke-key.ts'
import { decryptSome, encryptNew } from './traffic.ts'

const tickMs = 250
const faultEveryTicks = 10
const revokeEveryTicks = 120
const sayEveryMs = 10_000
const failpointPatienceMs = 8_000
const tokensAtOnce = 20

export async function attack(scene: CampaignScene, examiner: Examiner): Promise<void> {
  const { options, cluster, random, revocations } = scene
  const { inBackground, ended } = createBackground(scene.problems)
  const driver = createMigrationDriver(scene, inBackground)
  let saidMs = performance.now()
  const isDone = () =>
    options.signal?.aborted === true ||
    (countKills(scene) >= options.kills && scene.plan.killedAt().size >= (options.minFailpoints ?? 0))
  for (let tick = 0; !isDone(); tick++) {
    await sleep(tickMs)
    keepReplicasDying(scene, inBackground)
    if (tick % faultEveryTicks === 0 && servingUrl(scene) !== undefined) injectFault(scene, inBackground)
    if (tick % revokeEveryTicks === 0) inBackground(revokeKey(cluster, scene.tenants, random, revocations))
    inBackground(sendTraffic(scene))
    await examiner.examineEnded()
    const live = await readLiveKeyJobs(cluster)
    examiner.checkStale(live)
    driver.drive(live)
    if (performance.now() - saidMs > sayEveryMs) {
      saidMs = performance.now()
      options.say(progress(scene, examiner))
    }
  }
  await ended()
}

function keepReplicasDying({ cluster, plan }: CampaignScene, inBackground: InBackground): void {
  for (const replica of cluster.replicas) {
    if (!replica.isRunning) inBackground(replica.start(plan.next()))
    // It may never reach its failpoint; then it dies anywhere.
    else if (replica.servingMs > failpointPatienceMs) inBackground(replica.kill())
  }
}

function injectFault({ cluster, random, faults }: CampaignScene, inBackground: InBackground): void {
  const name = pickFault(cluster, random)
  faults[name] = (faults[name] ?? 0) + 1
  inBackground(faultKinds[name].run(cluster, random))
}

async function sendTraffic(scene: CampaignScene): Promise<void> {
  const { random, traffic } = scene
  const url = servingUrl(scene)
  const tenant = random.pick(scene.tenants)
  const from = random.integer(0, Math.max(0, tenant.tokens.length - tokensAtOnce))
  if (url === undefined) return
  await encryptNew(url, tenant, random, traffic)
  await decryptSome(url, tenant, tenant.tokens.slice(from, from + tokensAtOnce), traffic)
}

function progress(scene: CampaignScene, { ended, lost, wrong }: Examiner): string {
  const { plan, traffic } = scene
  return [
    `${countKills(scene)} kills`,
    `${ended.size} migrations`,
    `${plan.killedAt().size} failpoints`,
    `${traffic.encrypted} encrypted`,
    `lost ${lost.size}`,
    `wrong ${wrong.size + traffic.wrong.length}`,
  ].join(', ')
}

// Counts the migrations that have ended, and lets the oracle examine their tenants. A lost or wrong key counts for good,
// unless a fault of that moment explains it.
import { setTimeout as sleep } from 'node:timers/promises'
import type { CampaignScene } from './campaign-scene.ts'
import { checkAudits } from './check-audits.ts'
import type { LiveKeyJob } from './live-key-jobs.ts'
import { isRevoked } from './revoke-key.ts'
import type { WatchedTenant } from './watched-tenant.ts'

export interface Examiner {
  /** Ids of the migrations that have ended. */
  readonly ended: ReadonlySet<string>
  /** Those of them that completed. */
  readonly completed: ReadonlySet<string>
  readonly lost: Set<string>
  readonly wrong: ReadonlySet<string>
  /** Looks for migrations that have ended, and answers their tenants. */
  countEnded(): Promise<WatchedTenant[]>
  /** Examines the tenants in which a migration has ended since they were last examined. */
  examineEnded(): Promise<void>
  examine(tenant: WatchedTenant): Promise<void>
  /** From copying on, nothing comes under an old version any more. */
  checkStale(live: readonly LiveKeyJob[]): void
}

const kmsAttempts = 200
const kmsPauseMs = 200
const movingAttempts = 50

export function createExaminer(scene: CampaignScene): Examiner {
  const { cluster, oracle, tenants, problems } = scene
  const ended = new Set<string>()
  const completed = new Set<string>()
  const lost = new Set<string>()
  const wrong = new Set<string>()
  const due = new Set<WatchedTenant>()
  const leastStale = new Map<string, number>()

  async function countEnded(): Promise<WatchedTenant[]> {
    const rows = await cluster.sql(
      `select id, tenant_id, phase from keyhold.key_jobs where phase in ('done', 'aborted')`,
    )
    const fresh = rows.filter(({ id }) => !ended.has(String(id)))
    for (const { id, phase } of fresh) {
      ended.add(String(id))
      if (phase === 'done') completed.add(String(id))
    }
    const ids = new Set(fresh.map(({ tenant_id: id }) => id))
    return tenants.filter(({ tenantId }) => ids.has(tenantId))
  }

  // Rows and tenant keys are read one after the other, so that a cutover in between looks like a loss.
  async function isMoving({ tenantId }: WatchedTenant): Promise<boolean> {
    const [row] = await cluster.sql(
      `select count(*) as live from keyhold.key_jobs
       where tenant_id = $1 and (phase not in ('done', 'aborted') or completed_at > now() - interval '5 s')`,
      [tenantId],
    )
    return Number(row?.live) > 0
  }

  async function examine(tenant: WatchedTenant): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      // A KMS that is made to fail is no loss: the oracle waits until it answers.
      const isKmsAway = cluster.kms.faults.list().length > 0 || isRevoked(tenant)
      const verdict = await oracle.examine(tenant)
      const isBad = verdict.lost.length + verdict.wrong.length > 0
      if (isBad && isKmsAway && attempt < kmsAttempts) {
        await sleep(kmsPauseMs)
        continue
      }
      const moving = await isMoving(tenant)
      if (verdict.lost.length > 0 && moving && attempt < movingAttempts) continue
      for (const each of verdict.lost) lost.add(each)
      for (const each of verdict.wrong) wrong.add(each)
      problems.push(...verdict.broken, ...(await checkAudits(cluster, tenant.tenantId)))
      return
    }
  }

  return {
    ...{ ended, completed, lost, wrong, countEnded, examine },

    async examineEnded() {
      for (const tenant of await countEnded()) due.add(tenant)
      for (const tenant of due) {
        // Without its key the oracle can open nothing either.
        if (isRevoked(tenant)) continue
        due.delete(tenant)
        await examine(tenant)
      }
    },

    checkStale(live) {
      for (const { id, phase, stale } of live) {
        if (['prepare', 'dual', 'aborting'].includes(phase)) continue
        const least = leastStale.get(id) ?? Number.POSITIVE_INFINITY
        if (stale > least) problems.push(`${id}: ${stale} stale after ${least}`)
        leastStale.set(id, Math.min(least, stale))
      }
    },
  }
}

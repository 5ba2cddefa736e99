// Starts migrations to and fro, and cancels some of them.
import { setTimeout as sleep } from 'node:timers/promises'
import { ask } from '../requests/ask.ts'
import type { InBackground } from './background.ts'
import { servingUrl, type CampaignScene } from './campaign-scene.ts'
import type { LiveKeyJob } from './live-key-jobs.ts'
import { isRevoked } from './revoke-key.ts'
import { providers, type WatchedTenant } from './watched-tenant.ts'

const migrationsAtOnce = 2
const cancelShare = 0.35
const longestCancelPauseMs = 1_000
const timeoutMs = 10_000

// Refusals that faults explain, or what another request did first.
const explainedStatuses = [200, 205, 404, 406, 408, 409, 412, 424, 428, 503]

export interface MigrationDriver {
  /** Cancels and starts in the background, given the key jobs that are live now. */
  drive(live: readonly LiveKeyJob[]): void
}

export function createMigrationDriver(scene: CampaignScene, inBackground: InBackground): MigrationDriver {
  const { cluster, random, plan, problems } = scene
  /** Key jobs for which it is decided whether they are cancelled. */
  const decided = new Set<string>()

  // The database shows the outcome, with any answer or none.
  async function post(url: string, { adminToken }: WatchedTenant, path: string): Promise<void> {
    const { status, text } = await ask({ url, token: adminToken, path, timeoutMs })
    if (status !== undefined && !explainedStatuses.includes(status))
      problems.push(`${path} answered ${status}: ${text}`)
  }

  function cancelSome(url: string, job: LiveKeyJob): void {
    const tenant = scene.tenants.find(({ tenantId }) => tenantId === job.tenantId)
    if (tenant === undefined || job.phase === 'aborting') return
    const path = `/api/v1/encryption/migrations/${job.id}/actions/cancel`
    // Failpoints on the way back are reached through a cancellation alone, and some on the replica that has them.
    for (const { failpoints, url: armedUrl } of cluster.replicas) {
      const [name, at] = /^migration\.(cancel|abort)\.[a-z-]+/.exec(failpoints ?? '') ?? []
      if (name === undefined || armedUrl === undefined || plan.killedAt().has(name)) continue
      decided.add(job.id)
      inBackground(post(at === 'cancel' ? armedUrl : url, tenant, path))
    }
    if (decided.has(job.id)) return
    decided.add(job.id)
    if (random.next() >= cancelShare) return
    const pauseMs = random.integer(0, longestCancelPauseMs)
    inBackground(sleep(pauseMs).then(() => post(url, tenant, path)))
  }

  function startOne(url: string, live: readonly LiveKeyJob[]): void {
    const busy = new Set(live.map(({ tenantId }) => tenantId))
    const idle = scene.tenants.filter((tenant) => !busy.has(tenant.tenantId) && !isRevoked(tenant))
    if (live.length >= migrationsAtOnce || idle.length === 0) return
    const tenant = random.pick(idle)
    const fingerprint = random.pick(tenant.fingerprints)
    const action =
      fingerprint === tenant.tenantId ? 'actions/reset-to-default-provider' : `${fingerprint}/actions/migrate`
    inBackground(post(url, tenant, `${providers}/${action}`))
  }

  return {
    drive(live) {
      const url = servingUrl(scene)
      if (url === undefined) return
      for (const job of live) cancelSome(url, job)
      startOne(url, live)
    },
  }
}

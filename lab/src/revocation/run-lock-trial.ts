// One trial of the kill switch: one replica locks the tenant, all are closed within five seconds, and open again after
// the unlocking.
import { setTimeout as sleep } from 'node:timers/promises'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { judgeTrial } from './judge-trial.ts'
import type { RevocableTenant } from './revocable-tenant.ts'
import { recoveryBoundMs, waitUntilOpen, type TrialParts, type TrialResult } from './run-trial.ts'

/** The name of these trials; a variant adds its own words behind it. */
export const killSwitch = 'kill switch'
export const lockBoundMs = 5_000
const watchedMs = 1_500

/** @param meanwhile - runs while the tenant is locked, after the bound */
export async function runLockTrial(
  parts: TrialParts,
  tenant: RevocableTenant,
  way: string,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<TrialResult> {
  const { cluster, random, stalls } = parts
  const { traffic } = tenant
  const act = (action: 'lockTenant' | 'unlockTenant') => {
    const { url = '' } = random.pick(cluster.replicas)
    return openClient(url, tenant.adminToken).call(action)
  }
  await waitUntilOpen(parts, tenant)
  await sleep(random.next() * 2_000)
  traffic.clear()
  const takenMs = performance.now()
  await act('lockTenant')
  const lockedMs = performance.now()
  await sleep(lockBoundMs + watchedMs)
  await meanwhile()
  const returnedMs = performance.now()
  await act('unlockTenant')
  await waitUntilOpen(parts, tenant)
  const verdict = judgeTrial(
    // A lease ends by itself; the lock promises only that no lease is given any more.
    traffic.replies().map(({ leaseEndMs: _, ...reply }) => reply),
    { takenMs, refusedMs: lockedMs, returnedMs },
    { boundMs: lockBoundMs, recoveryBoundMs, answers: ['423 ERR_TENANT_LOCKED'] },
  )
  return {
    ...verdict,
    way,
    tenantId: tenant.tenantId,
    firstRefusalMs: lockedMs - takenMs,
    stalledMs: stalls.longestBetween(takenMs, performance.now()),
    slowestNeighbourMs: parts.slowestNeighbour(takenMs, performance.now()),
  }
}

// One trial of the kill switch: locked by one replica, closed on all within five seconds, and open again after unlocking.
import { setTimeout as sleep } from 'node:timers/promises'
import { callApi } from '../../../testkit/src/bench-api.ts'
import { judgeTrial } from './judge-trial.ts'
import type { RevocableTenant } from './revocable-tenant.ts'
import { recoveryBoundMs, waitUntilOpen, type TrialParts, type TrialResult } from './run-trial.ts'

/** What these trials are called, with what is done besides behind it. */
export const killSwitch = 'kill switch'
export const lockBoundMs = 5_000
const watchedMs = 1_500
const actions = '/api/v1/encryption/actions'

/** @param meanwhile - done while the tenant is locked, after the bound */
export async function runLockTrial(
  parts: TrialParts,
  tenant: RevocableTenant,
  way: string,
  meanwhile: () => Promise<void> = () => Promise.resolve(),
): Promise<TrialResult> {
  const { cluster, random, stalls } = parts
  const { traffic } = tenant
  const act = (action: string) =>
    callApi(random.pick(cluster.replicas).url ?? '', tenant.adminToken, 'POST', `${actions}/${action}`)
  await waitUntilOpen(parts, tenant)
  await sleep(random.next() * 2_000)
  traffic.clear()
  const takenMs = performance.now()
  await act('lock')
  const lockedMs = performance.now()
  await sleep(lockBoundMs + watchedMs)
  await meanwhile()
  const returnedMs = performance.now()
  await act('unlock')
  await waitUntilOpen(parts, tenant)
  const verdict = judgeTrial(
    // A lease ends by itself; what is promised of the lock is that none is given any more.
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

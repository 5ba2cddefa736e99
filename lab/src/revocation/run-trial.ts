// One trial: the customer takes the key away in one of the ways while the tenant is in use on all replicas. It stays away
// until the bound is well over, and is then given back.
import { setTimeout as sleep } from 'node:timers/promises'
import type { SeededRandom } from '../../../testkit/src/statistics/seeded-random.ts'
import type { Cluster } from '../../../testkit/src/cluster/start-cluster.ts'
import { isOpenSince, judgeTrial, type TrialVerdict } from './judge-trial.ts'
import type { Refusals } from './refusals.ts'
import type { RevocableTenant } from './revocable-tenant.ts'
import type { StallWatch } from './stall-watch.ts'
import type { Way } from './ways.ts'

export interface TrialParts {
  cluster: Cluster
  refusals: Refusals
  stalls: StallWatch
  random: SeededRandom
  ttlMs: number
  /** How long the slowest reply to a neighbour took between the two monotonic times. */
  slowestNeighbour: (startMs: number, endMs: number) => number
}

export interface TrialResult extends TrialVerdict {
  way: string
  tenantId: string
  /** From the taking away to the first refusal by the KMS. */
  firstRefusalMs: number | undefined
  /** The longest time in which the measuring process itself stood still. */
  stalledMs: number
  /** How long the slowest reply to a neighbour with a healthy key took meanwhile. */
  slowestNeighbourMs: number
}

/** The part of the bound beyond the TTL, for requests that are on their way. */
export const marginMs = 5_000
export const recoveryBoundMs = 60_000
// How long the traffic is watched after the bound.
const watchedMs = 1_500
const settleMs = 1_500
const pollMs = 50

export async function until(isSo: () => boolean, timeoutMs: number): Promise<boolean> {
  const endMs = performance.now() + timeoutMs
  while (!isSo()) {
    if (performance.now() > endMs) return false
    await sleep(pollMs)
  }
  return true
}

/** Waits until everything is answered on every replica for a moment, but no longer than the bound. */
export async function waitUntilOpen({ cluster }: Pick<TrialParts, 'cluster'>, { traffic }: RevocableTenant) {
  const names = cluster.replicas.map(({ name }) => name)
  const isOpen = (sinceMs: number) => isOpenSince(traffic.replies(), names, sinceMs)
  const sinceMs = performance.now()
  await until(() => isOpen(sinceMs), recoveryBoundMs)
  await sleep(settleMs)
  await until(() => isOpen(sinceMs), Math.max(0, recoveryBoundMs - (performance.now() - sinceMs)))
}

export async function runTrial(parts: TrialParts, tenant: RevocableTenant, way: Way): Promise<TrialResult> {
  const { cluster, refusals, stalls, random, ttlMs } = parts
  const { customer, traffic } = tenant
  const boundMs = ttlMs + marginMs
  await waitUntilOpen(parts, tenant)
  // At a random point of the time for which keys are cached.
  await sleep(random.next() * ttlMs)
  traffic.clear()

  const takenMs = performance.now()
  const seenAt = (arn: string) => refusals.firstSince(arn, takenMs)
  const firstRefusal = () => {
    if (way.refusedBy === undefined) return undefined
    return seenAt(way.refusedBy === 'own region' ? customer.keyArn : customer.replicaArn)
  }
  const isRefused = () => seenAt(customer.keyArn) !== undefined
  const giveBack = await way.take({
    customer,
    kms: cluster.kms,
    random,
    refused: () => until(isRefused, boundMs).then(() => sleep(pollMs * 10)),
  })
  if (way.refusedBy === undefined) await sleep(boundMs)
  else if (await until(() => firstRefusal() !== undefined, boundMs)) {
    await sleep(Math.max(0, (firstRefusal() ?? 0) + boundMs + watchedMs - performance.now()))
  }
  const refusedMs = firstRefusal()
  const state = await tenant.keyState()
  const isMoved = way.refusedBy === undefined ? await tenant.isAliasMoved() : true

  const returnedMs = performance.now()
  await giveBack()
  await waitUntilOpen(parts, tenant)
  const verdict = judgeTrial(
    traffic.replies(),
    { takenMs, refusedMs, returnedMs },
    { boundMs, recoveryBoundMs, answers: way.answers },
  )
  if (way.refusedBy !== undefined && refusedMs === undefined)
    verdict.violations.push('the KMS was not asked within the bound')
  if (!way.states.includes(state)) verdict.violations.push(`the key's health was shown as ${state}`)
  if (!isMoved) verdict.violations.push('that the alias was moved is not shown')
  return {
    ...verdict,
    way: way.name,
    tenantId: tenant.tenantId,
    firstRefusalMs: refusedMs === undefined ? undefined : refusedMs - takenMs,
    stalledMs: stalls.longestBetween(takenMs, performance.now()),
    slowestNeighbourMs: parts.slowestNeighbour(takenMs, performance.now()),
  }
}

// One probe: it opens a stored tenant key for real, in every region of the KEK, since nothing else tells the truth. It asks
// nothing that an answer of just now has told already. It holds no key, evicts nothing during an outage, and does not wait
// behind traffic. A refusal that it meets locks like one that traffic meets.
import {
  isKeyholdError,
  parseKeyArn,
  verifyKeyCheckValue,
  type CustomerRole,
  type ErrorCode,
  type KeyholdError,
  type TenantKeyRef,
} from '@keyhold/core'
import type { KeyObject } from 'node:crypto'
import { denialOf } from '../keyring/denial-of.ts'
import type { DueProbe, ProbeUrgency } from '../store/key-probes.ts'
import type { Store } from '../store/store.ts'
import type { KeyHealthRecorder } from './key-health-recorder.ts'
import { isRefusal, observationOf, observedHealthy, type KeyObservation } from './key-state.ts'
import type { ProvenKeks } from './proven-keks.ts'

const unhealthySeconds = 30
const undecidedSeconds = 10
// Shares of the time between two probes. An answer that is so young, as another replica wrote it, is taken for that of this
// probe. The answers to this replica's own traffic count for longer, since traffic asks again by itself.
const writtenShare = 0.5
const trafficShare = 1.15

/** The answer of one region to a probe. */
export interface ProbedRegion {
  region: string
  outcome: { key: KeyObject } | { error: KeyholdError }
}

export interface ProbeKeyParts {
  store: Pick<Store, 'keyHealth' | 'keyProbes'>
  recorder: Pick<KeyHealthRecorder, 'probed' | 'answeredAgeMs'>
  /** Opens a stored tenant key in each of these regions of its KEK. */
  askRegions: (
    keyArn: string,
    wrapped: Buffer,
    ref: TenantKeyRef,
    access: { role: CustomerRole | undefined; regions: readonly string[] },
  ) => Promise<ProbedRegion[]>
  /** Ends what replicas hold and the refusal concerns. */
  onDenial: (code: ErrorCode, key: { keyArn: string; tenantId: string }) => void
  /** Looks whether the provider's alias still names the key. */
  checkAlias: (tenantId: string, fingerprint: string) => Promise<void>
  provenKeks: ProvenKeks
  /** Receives a region that answered well and is shown as healthy already. It need not be written at once. */
  onConfirmed: (key: { tenantId: string; fingerprint: string; region: string }) => void
  /** The time between two probes of a healthy key. */
  healthySeconds: number
  /**
   * The pause before the next probe after an answer that contradicts the shown state. Other tenants under a KEK that has
   * changed are probed within the same time.
   */
  confirmSeconds: number
}

/** How a probe went: the KMS told; it was told already; nothing could be asked; no tenant key depends on the key any more. */
export type ProbeOutcome = 'answered' | 'proven' | 'undecided' | 'unused'

export interface ProbeResult {
  outcome: ProbeOutcome
  inSeconds: number
  urgency: ProbeUrgency
}

export async function probeKey(parts: ProbeKeyParts, due: DueProbe): Promise<ProbeResult> {
  const { healthySeconds, provenKeks } = parts
  if (due.wrap === undefined) {
    await parts.store.keyProbes.end(due)
    return { outcome: 'unused', inSeconds: 0, urgency: due.urgency }
  }
  const { regions, provenSeconds } = regionsToAsk(parts, due)
  if (regions.length === 0) return { outcome: 'proven', inSeconds: provenSeconds, urgency: 'healthy' }
  const sharedSeconds = provenKeks.begin(due, healthySeconds)
  if (sharedSeconds > 0) return { outcome: 'proven', inSeconds: sharedSeconds, urgency: 'healthy' }
  let isProven = false
  try {
    const asked = await ask(parts, due, due.wrap, regions)
    isProven = asked === 'all healthy'
    if (due.hasAlias) await parts.checkAlias(due.tenantId, due.fingerprint)
    if (asked === 'undecided')
      return { outcome: 'undecided', inSeconds: undecidedSeconds, urgency: due.urgency }
    if (isProven) return { outcome: 'answered', inSeconds: healthySeconds, urgency: 'healthy' }
    return { outcome: 'answered', ...(await nextAfterNews(parts, due)) }
  } finally {
    provenKeks.end(due, isProven)
  }
}

/**
 * The regions whose answer is not known yet, the own one first, and how long the known ones hold. Those of a hastened or
 * unhealthy key are all asked.
 */
function regionsToAsk(
  { recorder, healthySeconds }: ProbeKeyParts,
  due: DueProbe,
): { regions: string[]; provenSeconds: number } {
  const all = [...new Set([parseKeyArn(due.keyArn).region, ...due.replicaRegions])]
  if (due.urgency !== 'healthy') return { regions: all, provenSeconds: 0 }
  const secondsOf = (region: string) => {
    const known = due.known.find((each) => each.region === region)
    if (known === undefined || !isShownHealthy(due, region)) return 0
    const trafficSeconds = (recorder.answeredAgeMs(due, region) ?? Number.POSITIVE_INFINITY) / 1_000
    const writtenSeconds = known.ageMs / 1_000
    const isWrittenJustNow = writtenSeconds < healthySeconds * writtenShare
    return Math.max(
      0,
      healthySeconds * trafficShare - trafficSeconds,
      isWrittenJustNow ? healthySeconds - writtenSeconds : 0,
    )
  }
  const regions = all.filter((region) => secondsOf(region) <= 0)
  return { regions, provenSeconds: Math.min(...all.map(secondsOf)) }
}

async function ask(
  parts: ProbeKeyParts,
  due: DueProbe,
  wrap: NonNullable<DueProbe['wrap']>,
  regions: readonly string[],
): Promise<'all healthy' | 'news' | 'undecided'> {
  const { keyArn, tenantId, fingerprint, role } = due
  const ref = { tenantId, id: wrap.id, version: wrap.version }
  let result: 'all healthy' | 'news' | 'undecided' = 'all healthy'
  for (const { region, outcome } of await parts.askRegions(keyArn, wrap.wrapped, ref, { role, regions })) {
    const error = 'error' in outcome ? outcome.error : integrityError(ref, outcome.key, wrap.keyCheckValue)
    const observation = error === undefined ? observedHealthy : observationOf(error)
    if (observation === undefined) {
      if (result === 'all healthy') result = 'undecided'
    } else if (observation.state === 'healthy' && isShownHealthy(due, region)) {
      parts.onConfirmed({ tenantId, fingerprint, region })
    } else {
      result = 'news'
      await tell(parts, due, region, observation)
    }
  }
  return result
}

function isShownHealthy({ known }: DueProbe, region: string): boolean {
  return known.some((each) => each.region === region && each.state === 'healthy' && !each.isContradicted)
}

async function tell(
  { onDenial, recorder, store, provenKeks, confirmSeconds }: ProbeKeyParts,
  due: DueProbe,
  region: string,
  observation: KeyObservation,
): Promise<void> {
  const { keyArn, tenantId } = due
  // This comes first, so that nobody decrypts while the refusal is being written.
  if (region === parseKeyArn(keyArn).region && observation.code !== undefined && isRefusal(observation))
    onDenial(observation.code, { keyArn, tenantId })
  const transition = await recorder.probed({ keyArn, tenantId }, region, observation)
  // Whatever is true of the key is true for the other tenants under it; each of them learns it by a probe of its own.
  if (transition !== undefined && (concernsKey(due, observation) || provenKeks.isShared(due)))
    await store.keyProbes.hastenOthers(due, { region, state: transition.to }, confirmSeconds)
}

async function nextAfterNews(
  { store, healthySeconds, confirmSeconds }: ProbeKeyParts,
  { tenantId, fingerprint }: DueProbe,
): Promise<Omit<ProbeResult, 'outcome'>> {
  const rows = await store.keyHealth.list(tenantId, fingerprint)
  if (rows.some(({ candidateState }) => candidateState !== undefined))
    return { inSeconds: confirmSeconds, urgency: 'hastened' }
  return rows.every(({ state }) => state === 'healthy')
    ? { inSeconds: healthySeconds, urgency: 'healthy' }
    : { inSeconds: Math.min(unhealthySeconds, healthySeconds), urgency: 'unhealthy' }
}

function integrityError(ref: TenantKeyRef, key: KeyObject, expected: Buffer): KeyholdError | undefined {
  try {
    verifyKeyCheckValue({ ...ref, key }, expected)
    return undefined
  } catch (error) {
    if (isKeyholdError(error)) return error
    throw error
  }
}

/** Whether an answer says something about the key itself, and so about all tenants under it. */
function concernsKey({ keyArn, tenantId }: DueProbe, { code }: KeyObservation): boolean {
  return code === undefined || denialOf(code, { keyArn, tenantId }).tenantId === undefined
}

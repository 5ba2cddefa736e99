// One probe: in every region of the KEK it opens a stored tenant key for real, and reads the key's state, since an endpoint may
// still decrypt under a key that its customer has disabled. It asks nothing that an answer of just now has told already. It
// holds no key, evicts nothing during an outage, and does not wait behind traffic. A refusal that it meets locks like one that
// traffic meets.
import { parseKeyArn, type CustomerRole, type ErrorCode, type TenantKeyRef } from '@keyhold/core'
import { denialOf } from '../keyring/denial-of.ts'
import type { DueProbe, ProbeUrgency } from '../store/key-probes.ts'
import type { Store } from '../store/store.ts'
import type { KeyHealthRecorder } from './key-health-recorder.ts'
import { isRefusal, type KeyObservation } from './key-state.ts'
import { answerOf, type ProbedRegion, type SeenState } from './probe-answers.ts'
import type { ProvenKeks } from './proven-keks.ts'
import { isShownHealthy, regionsOf, regionsToAsk, regionsToLookAt } from './regions-to-probe.ts'
import type { SeenKeyStates } from './seen-key-states.ts'

const unhealthySeconds = 30
const undecidedSeconds = 10

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
  /** Reads the state of a KEK in each of these regions. */
  lookAtKey: (
    keyArn: string,
    tenantId: string,
    access: { role: CustomerRole | undefined; regions: readonly string[] },
  ) => Promise<SeenState[]>
  seenStates: SeenKeyStates
  /** Ends what this replica holds and the refusal concerns. */
  evict: (code: ErrorCode, key: { keyArn: string; tenantId: string }) => void
  /** Ends what all replicas hold and the refusal concerns. */
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
  const looks = regionsToLookAt(parts, due)
  const proven = (inSeconds: number) => ({ outcome: 'proven', inSeconds, urgency: 'healthy' }) as const
  if (regions.length === 0 && looks.length === 0) return proven(provenSeconds)
  if (regions.length > 0) {
    const sharedSeconds = provenKeks.begin(due, healthySeconds)
    if (sharedSeconds > 0) return proven(sharedSeconds)
  }
  let isProven = false
  try {
    const asked = await ask(parts, due, due.wrap, { regions, looks })
    isProven = asked === 'all healthy'
    if (due.hasAlias) await parts.checkAlias(due.tenantId, due.fingerprint)
    if (asked === 'undecided')
      return { outcome: 'undecided', inSeconds: undecidedSeconds, urgency: due.urgency }
    if (isProven && regions.length === 0) return proven(Math.min(provenSeconds, healthySeconds))
    if (isProven) return { outcome: 'answered', inSeconds: healthySeconds, urgency: 'healthy' }
    return { outcome: 'answered', ...(await nextAfterNews(parts, due)) }
  } finally {
    if (regions.length > 0) provenKeks.end(due, isProven)
  }
}

async function ask(
  parts: ProbeKeyParts,
  due: DueProbe,
  wrap: NonNullable<DueProbe['wrap']>,
  { regions, looks }: { regions: readonly string[]; looks: readonly string[] },
): Promise<'all healthy' | 'news' | 'undecided'> {
  const { keyArn, tenantId, fingerprint, role } = due
  const ref = { tenantId, id: wrap.id, version: wrap.version }
  const [opened, states] = await Promise.all([
    regions.length === 0 ? [] : parts.askRegions(keyArn, wrap.wrapped, ref, { role, regions }),
    looks.length === 0 ? [] : parts.lookAtKey(keyArn, tenantId, { role, regions: looks }),
  ])
  let result: 'all healthy' | 'news' | 'undecided' = 'all healthy'
  for (const region of regionsOf(due)) {
    const outcome = opened.find((each) => each.region === region)?.outcome
    const state = states.find((each) => each.region === region)?.state
    if (state !== undefined && state.kind !== 'outage')
      parts.seenStates.saw(keyArn, region, state.kind === 'usable')
    const observation = answerOf(outcome, state, {
      ...{ ref, keyCheckValue: wrap.keyCheckValue },
      isShutByLook: due.known.some((each) => each.region === region && each.isShutByLook),
    })
    if (observation === 'nothing') continue
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

async function tell(
  { evict, onDenial, recorder, store, provenKeks, confirmSeconds }: ProbeKeyParts,
  due: DueProbe,
  region: string,
  observation: KeyObservation,
): Promise<void> {
  const { keyArn, tenantId } = due
  const key = { keyArn, tenantId }
  const isShut = region === parseKeyArn(keyArn).region && isRefusal(observation)
  const code = isShut ? observation.code : undefined
  // This comes first, so that nobody decrypts while the refusal is being written.
  if (code !== undefined) evict(code, key)
  const transition = await recorder.probed(key, region, observation).finally(() => {
    // Where the KMS still opens what the key's state refuses, a request may have taken the key into memory again before it
    // could read the refusal. The other replicas hear of it now, when they can.
    if (code !== undefined) onDenial(code, key)
  })
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

/** Whether an answer says something about the key itself, and so about all tenants under it. */
function concernsKey({ keyArn, tenantId }: DueProbe, { code }: KeyObservation): boolean {
  return code === undefined || denialOf(code, { keyArn, tenantId }).tenantId === undefined
}

// From what a KMS answered to the state of a key. An outage says nothing about a key, and a denial is no outage.
import type { ErrorCode } from '@keyhold/core'
import type { KeyHealthRow } from '../store/key-health.ts'
import type { KeyHealthState } from '../store/tables.ts'

const stateByCode: Partial<Record<ErrorCode, KeyHealthState>> = {
  ERR_KMS_DENIED: 'denied',
  'Encryption-88': 'denied',
  ERR_KMS_KEY_DISABLED: 'disabled',
  ERR_KMS_KEY_PENDING_DELETION: 'pendingDeletion',
  ERR_KMS_KEY_NOT_FOUND: 'notFound',
  ERR_KMS_THROTTLED: 'throttled',
  ERR_KMS_TIMEOUT: 'unreachable',
  ERR_KMS_UNREACHABLE: 'unreachable',
  ERR_KMS_FAILED: 'unreachable',
  ERR_KMS_KEY_NOT_READY: 'misconfigured',
  ERR_KMS_KEY_WRONG_USAGE: 'misconfigured',
  ERR_KMS_INVALID_CIPHERTEXT: 'misconfigured',
  ERR_KMS_CREDENTIALS: 'misconfigured',
  ERR_KEY_INTEGRITY: 'misconfigured',
  ERR_ROLE_WITHOUT_EXTERNAL_ID: 'misconfigured',
}

/** Undefined: the error says nothing about a key. */
export function keyStateOf(code: ErrorCode): KeyHealthState | undefined {
  return stateByCode[code]
}

const outages: ReadonlySet<KeyHealthState> = new Set(['throttled', 'unreachable'])

export function isOutageState(state: KeyHealthState): boolean {
  return outages.has(state)
}

/** Whether the KMS answered, and the answer was no. Keyhold's own credentials are no answer of the customer's. */
export function isRefusal({ state, code }: Pick<KeyHealthRow, 'state' | 'code'>): boolean {
  return state !== 'healthy' && !outages.has(state) && code !== 'ERR_KMS_CREDENTIALS'
}

/** One answer of a KMS about a key in one region. */
export interface KeyObservation {
  state: KeyHealthState
  code: ErrorCode | undefined
  action: string | undefined
}

export const observedHealthy: KeyObservation = { state: 'healthy', code: undefined, action: undefined }

type Known = Omit<KeyHealthRow, 'tenantId' | 'fingerprint' | 'region'>

/**
 * What is known after one more answer; undefined: as before. A refusal is shown at once, since it locks at once.
 * Everything else is shown when a second answer says the same, so that mixed answers show the worst of them; and an
 * outage does not hide a refusal, which stands until the KMS answers otherwise.
 */
export function nextKeyState(
  previous: Known | undefined,
  observation: KeyObservation,
  at: Date,
): Known | undefined {
  const { state, code, action } = observation
  const shown = { state, code, action, since: at, checkedAt: at, candidateState: undefined }
  if (previous === undefined) return shown
  if (previous.state === state) return { ...shown, since: previous.since }
  if (isRefusal({ state, code })) return shown
  if (isRefusal(previous) && state !== 'healthy') return undefined
  if (previous.candidateState === state) return shown
  return { ...previous, checkedAt: at, candidateState: state }
}

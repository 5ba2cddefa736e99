// Derives the state of a key from the answers of its KMS. An outage says nothing about a key, and a denial is no outage.
import { isKeyholdError, kindOf, type ErrorCode } from '@keyhold/core'
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
  ERR_KMS_PROXY: 'unreachable',
  ERR_KMS_ISSUER: 'unreachable',
  ERR_KMS_FAILED: 'unreachable',
  ERR_KMS_KEY_PENDING_IMPORT: 'misconfigured',
  ERR_KMS_KEY_NOT_READY: 'misconfigured',
  ERR_KMS_KEY_WRONG_USAGE: 'misconfigured',
  ERR_KMS_EXTERNAL_KEY_DENIED: 'denied',
  ERR_KMS_EXTERNAL_KEY_DISABLED: 'disabled',
  ERR_KMS_EXTERNAL_KEY_NOT_FOUND: 'notFound',
  ERR_KMS_KEY_STORE_UNREACHABLE: 'unreachable',
  ERR_KMS_KEY_STORE_THROTTLED: 'throttled',
  ERR_KMS_INVALID_CIPHERTEXT: 'misconfigured',
  ERR_KMS_CREDENTIALS: 'misconfigured',
  ERR_KMS_OWN_POLICY: 'misconfigured',
  ERR_KEY_INTEGRITY: 'misconfigured',
  ERR_ROLE_WITHOUT_EXTERNAL_ID: 'misconfigured',
  ERR_ROLE_TRUST_TOO_WIDE: 'misconfigured',
}

/** Undefined: the error says nothing about a key. */
export function keyStateOf(code: ErrorCode): KeyHealthState | undefined {
  return stateByCode[code]
}

/** Whether the KMS gave no answer when the state was seen. */
export function isOutage({ code }: Pick<KeyHealthRow, 'code'>): boolean {
  return code !== undefined && kindOf(code) === 'outage'
}

/** Whether the KMS refused, or opened another key than the one that was stored. */
export function isRefusal({ code }: Pick<KeyHealthRow, 'code'>): boolean {
  if (code === undefined) return false
  const kind = kindOf(code)
  // An exception to the kinds of errors: Keyhold refuses the role, and only the customer can correct it, so that it is shown
  // at once and no outage hides it.
  return (
    kind === 'denial' ||
    kind === 'damage' ||
    code === 'ERR_ROLE_WITHOUT_EXTERNAL_ID' ||
    code === 'ERR_ROLE_TRUST_TOO_WIDE'
  )
}

function isDenial({ code }: Pick<KeyHealthRow, 'code'>): boolean {
  return code !== undefined && kindOf(code) === 'denial'
}

/** One answer of a KMS about a key in one region. */
export interface KeyObservation {
  state: KeyHealthState
  code: ErrorCode | undefined
  action: string | undefined
  /** The type of the policy that refused; absent where AWS names none. */
  policy?: string | undefined
}

export const observedHealthy: KeyObservation = { state: 'healthy', code: undefined, action: undefined }

/** The observation of a key that an error is; undefined: it says nothing about the key. */
export function observationOf(error: unknown): KeyObservation | undefined {
  if (!isKeyholdError(error)) return undefined
  const state = keyStateOf(error.code)
  const { action, policy } = error.details
  return state && { state, code: error.code, action, ...(policy !== undefined && { policy }) }
}

type Known = Omit<KeyHealthRow, 'tenantId' | 'fingerprint' | 'region'>

/**
 * The state after one more answer; undefined: it stays as before. A refusal is shown at once, since it locks at once.
 * Every other state is shown when a second answer confirms it, so that mixed answers show the worst of them. Neither an
 * outage nor a fault of Keyhold's own hides a refusal, also where both are shown as the same state: the refusal stays until
 * the KMS lets Keyhold use the key, or refuses for another reason. A denial gives way to another denial alone: a damaged row
 * and a role that Keyhold refuses do not tell that the customer has taken it back, and by the stored code replicas know
 * that no other region may stand in.
 */
export function nextKeyState(
  previous: Known | undefined,
  observation: KeyObservation,
  at: Date,
): Known | undefined {
  const { state, code, action, policy } = observation
  const shown = { state, code, action, policy, since: at, checkedAt: at, candidateState: undefined }
  if (previous === undefined) return shown
  const wasRefused = isRefusal(previous)
  const isRefused = isRefusal({ code })
  if (wasRefused && !isRefused && state !== 'healthy') return undefined
  if (isDenial(previous) && !isDenial({ code }) && state !== 'healthy') return undefined
  if (previous.state === state && wasRefused === isRefused) return { ...shown, since: previous.since }
  if (isRefused) return shown
  if (previous.candidateState === state) return shown
  return { ...previous, checkedAt: at, candidateState: state }
}

// Chooses what is said of the state of a key: its cause, and the customer's next step. The sentences are core's.
import {
  errorSummary,
  policyName,
  sayAdvice,
  sayCause,
  type ErrorCode,
  type KeyAdviceCode,
  type KeyCauseCode,
  type SentenceParams,
} from '@keyhold/core'
import type { KeyHealthRow } from '../store/key-health.ts'

export interface Words {
  causeCode: KeyCauseCode
  adviceCode: KeyAdviceCode
  /** Of both sentences. */
  params: SentenceParams
  cause: string
  /** Empty: there is nothing to do. */
  advice: string
}

type Seen = Pick<KeyHealthRow, 'state' | 'code' | 'action' | 'region'> & { policy?: string | undefined }

type Choice = readonly [cause: KeyCauseCode, advice: KeyAdviceCode]

/** Cause and advice for one region. */
export function wordsOf(seen: Seen): Words {
  const { state, code, action = '', policy, region } = seen
  const [causeCode, adviceCode] = choose(seen)
  return sayWords(causeCode, adviceCode, {
    ...(region !== '' && { region }),
    ...((action !== '' || code === 'ERR_KMS_OWN_POLICY') && { call: callOf(action) }),
    ...(policy !== undefined && { policy }),
    ...(causeCode === 'key-error' && {
      ...{ error: code ?? '', summary: errorSummary(code as ErrorCode), state },
    }),
  })
}

export function sayWords(causeCode: KeyCauseCode, adviceCode: KeyAdviceCode, params: SentenceParams): Words {
  const [cause, advice] = [sayCause(causeCode, params), sayAdvice(adviceCode, params)]
  return { causeCode, adviceCode, params, cause, advice }
}

const ofCode: Partial<Record<ErrorCode, Choice>> = {
  ERR_KMS_KEY_DISABLED: ['key-disabled', 'enable-key'],
  ERR_KMS_KEY_PENDING_DELETION: ['key-pending-deletion', 'cancel-deletion'],
  ERR_KMS_KEY_NOT_FOUND: ['key-not-found', 'make-replica-again'],
  ERR_KMS_EXTERNAL_KEY_DENIED: ['external-key-denied', 'authorize-key-store'],
  ERR_KMS_EXTERNAL_KEY_DISABLED: ['external-key-disabled', 'enable-external-key'],
  ERR_KMS_EXTERNAL_KEY_NOT_FOUND: ['external-key-not-found', 'restore-external-key'],
  ERR_KMS_KEY_STORE_UNREACHABLE: ['key-store-unreachable', 'connect-key-store'],
  ERR_KMS_KEY_STORE_THROTTLED: ['key-store-throttled', 'enlarge-key-store'],
  ERR_KMS_THROTTLED: ['kms-throttled', 'wait-for-kms'],
  ERR_KMS_TIMEOUT: ['kms-slow', 'wait-for-kms'],
  ERR_KMS_UNREACHABLE: ['kms-unreachable', 'wait-for-kms'],
  ERR_KMS_PROXY: ['own-proxy', 'operator-proxy'],
  ERR_KMS_ISSUER: ['own-issuer', 'operator-issuer'],
  ERR_KMS_FAILED: ['kms-fails', 'wait-for-kms'],
  ERR_KMS_KEY_PENDING_IMPORT: ['key-without-material', 'import-material'],
  ERR_KMS_KEY_NOT_READY: ['key-not-ready', 'look-up-state'],
  ERR_KMS_CREDENTIALS: ['own-credentials', 'operator-credentials'],
  ERR_KMS_INVALID_CIPHERTEXT: ['stored-key-damaged', 'operator-stored-key'],
  ERR_KEY_INTEGRITY: ['stored-key-damaged', 'operator-stored-key'],
}

function choose({ code, action = '', policy }: Seen): Choice {
  switch (code as ErrorCode | undefined) {
    case undefined:
      return ['key-usable', 'none']
    case 'ERR_KMS_DENIED':
    case 'Encryption-88':
      return ofDenial(action, policy)
    case 'ERR_KMS_OWN_POLICY':
      return [policyName(policy) === undefined ? 'own-policy-unnamed' : 'own-policy', 'operator-policy']
    default:
      return ofCode[code as ErrorCode] ?? ['key-error', 'correct-key']
  }
}

function ofDenial(action: string, policy: string | undefined): Choice {
  const isOfCall = action !== ''
  // AWS names a policy that is not the key's: changing the key policy would help nothing.
  if (policy === 'resourceControl') {
    return [
      isOfCall ? 'resource-control-policy-for-call' : 'resource-control-policy',
      'change-resource-control-policy',
    ]
  }
  if (policyName(policy) !== undefined)
    return [isOfCall ? 'other-policy-for-call' : 'other-policy', 'change-other-policy']
  if (action === 'AssumeRoleWithWebIdentity') return ['role-refuses-token', 'restore-identity-provider']
  if (action === 'AssumeRole') return ['role-not-assumed', 'restore-trust-policy']
  return [isOfCall ? 'key-call-denied' : 'key-denied', 'restore-key-policy']
}

function callOf(action: string): string {
  return action.startsWith('AssumeRole') ? `sts:${action}` : `kms:${action}`
}

// Which states a key may be in for an operation, and what AWS says otherwise.
import type { Call } from './call.ts'
import { type Key, keyState } from '../keys/key-record.ts'
import { KmsError, unsupportedOperation } from '../kms-error.ts'

const invalidState = (key: Key, what: string): KmsError =>
  new KmsError('KMSInvalidStateException', `${key.arn} is ${what}.`)

/** For cryptography, rotation and replication. @throws KmsError DisabledException, KMSInvalidStateException */
export function requireEnabled(call: Call, key: Key): void {
  requireNotPending(call, key)
  if (!key.local.enabled) throw new KmsError('DisabledException', `${key.arn} is disabled.`)
}

/** For changes that a disabled key allows. @throws KmsError KMSInvalidStateException */
export function requireNotPending(call: Call, key: Key): void {
  requireCreated(call, key)
  const state = keyState(key, call.now)
  if (state === 'PendingDeletion') throw invalidState(key, 'pending deletion')
  if (state === 'PendingReplicaDeletion') throw invalidState(key, 'pending replica deletion')
}

/** For changes that even a key pending deletion allows. @throws KmsError KMSInvalidStateException */
export function requireCreated(call: Call, key: Key): void {
  if (keyState(key, call.now) === 'Creating') throw invalidState(key, 'creating')
}

/** @throws KmsError KMSInvalidStateException */
export function requirePending(call: Call, key: Key): void {
  if (!keyState(key, call.now).startsWith('Pending')) throw invalidState(key, 'not pending deletion')
}

/** @throws KmsError InvalidKeyUsageException for a key that is no AES key. */
export function requireSymmetric(call: Call, key: Key): void {
  const { spec, usage } = key.record
  if (usage !== 'ENCRYPT_DECRYPT') {
    throw new KmsError(
      'InvalidKeyUsageException',
      `${key.arn} key usage is ${usage} which is not valid for ${call.operation}.`,
    )
  }
  if (spec !== 'SYMMETRIC_DEFAULT') {
    throw new KmsError(
      'InvalidKeyUsageException',
      `Algorithm SYMMETRIC_DEFAULT is incompatible with key spec ${spec}.`,
    )
  }
}

/** For rotation. @throws KmsError UnsupportedOperationException */
export function requireRotatable(key: Key): void {
  const { spec, multiRegion, primaryRegion } = key.record
  if (spec !== 'SYMMETRIC_DEFAULT') {
    throw unsupportedOperation(`${key.arn} key spec is ${spec} which is not valid for this operation.`)
  }
  if (multiRegion && key.region !== primaryRegion) {
    throw unsupportedOperation(`${key.arn} is not a multi-region primary key.`)
  }
}

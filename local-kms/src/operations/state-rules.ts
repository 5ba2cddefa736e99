// The states that a key may be in for an operation, and AWS's words otherwise.
import { isPendingImport, type Key, type KeyOrigin, keyState } from '../keys/key-record.ts'
import { inForce } from '../keys/propagation.ts'
import { KmsError, unsupportedOperation } from '../kms-error.ts'
import type { Call } from './call.ts'
import { requireBacking } from './key-stores/require-backing.ts'

/**
 * Cryptography needs a key that is enabled as far as changes of its state have spread.
 *
 * @throws KmsError DisabledException, KMSInvalidStateException
 */
export function requireUsable(call: Call, key: Key, direction: 'encrypt' | 'decrypt'): void {
  requireEnabled(call, inForce(key, call.nowMs))
  requireBacking(call, key, direction)
}

/**
 * Rotation and replication need an enabled key.
 *
 * @throws KmsError DisabledException, KMSInvalidStateException
 */
export function requireEnabled(call: Call, key: Key): void {
  requireImported(call, key)
  if (!key.local.enabled) throw new KmsError('DisabledException', `${key.arn} is disabled.`)
}

/**
 * Enabling and disabling need a key with its material.
 *
 * @throws KmsError KMSInvalidStateException
 */
export function requireImported(call: Call, key: Key): void {
  requireNotPending(call, key)
  if (isPendingImport(key)) throw invalidState(key, 'pending import')
}

/**
 * Changes that a disabled key allows still need a key that is not pending deletion.
 *
 * @throws KmsError KMSInvalidStateException
 */
export function requireNotPending(call: Call, key: Key): void {
  requireCreated(call, key)
  const state = keyState(key, call.nowMs)
  if (state === 'PendingDeletion') throw invalidState(key, 'pending deletion')
  if (state === 'PendingReplicaDeletion') throw invalidState(key, 'pending replica deletion')
}

/**
 * Changes that even a key pending deletion allows still need a key that is ready.
 *
 * @throws KmsError KMSInvalidStateException
 */
export function requireCreated(call: Call, key: Key): void {
  if (keyState(key, call.nowMs) === 'Creating') throw invalidState(key, 'creating')
}

/**
 * Enabling, disabling, deletion and replication need a key whose primary is not moving. Cryptography does not.
 *
 * @throws KmsError KMSInvalidStateException
 */
export function requireSettled(call: Call, key: Key): void {
  if (keyState(key, call.nowMs) === 'Updating') throw invalidState(key, 'updating')
}

/** @throws KmsError KMSInvalidStateException */
export function requirePending(key: Key): void {
  if (key.local.deletion === undefined) throw invalidState(key, 'not pending deletion')
}

/** @throws KmsError InvalidKeyUsageException for a key that is no AES key */
export function requireSymmetric(call: Call, key: Key): void {
  const { spec, usage } = key.record
  if (usage !== 'ENCRYPT_DECRYPT') {
    throw invalidKeyUsage(`${key.arn} key usage is ${usage} which is not valid for ${call.operation}.`)
  }
  if (spec !== 'SYMMETRIC_DEFAULT') {
    throw invalidKeyUsage(`Algorithm SYMMETRIC_DEFAULT is incompatible with key spec ${spec}.`)
  }
}

/** @throws KmsError InvalidKeyUsageException for an algorithm that AES keys do not have */
export function requireSymmetricAlgorithm(key: Key, algorithm: string): void {
  if (algorithm === 'SYMMETRIC_DEFAULT') return
  throw invalidKeyUsage(`Algorithm ${algorithm} is incompatible with key spec ${key.record.spec}.`)
}

/** @throws KmsError UnsupportedOperationException for a key of another origin */
export function requireOrigin(key: Key, ...allowed: KeyOrigin[]): void {
  const { origin = 'AWS_KMS' } = key.record
  if (allowed.includes(origin)) return
  throw unsupportedOperation(`${key.arn} origin is ${origin} which is not valid for this operation.`)
}

/** @throws KmsError UnsupportedOperationException for a key that cannot be rotated */
export function requireRotatable(key: Key): void {
  requireRotatableKind(key)
  if (key.record.multiRegion) requirePrimary(key)
}

/** @throws KmsError UnsupportedOperationException for a key of a kind that has no rotation */
export function requireRotatableKind(key: Key): void {
  const { spec } = key.record
  if (spec !== 'SYMMETRIC_DEFAULT') {
    throw unsupportedOperation(`${key.arn} key spec is ${spec} which is not valid for this operation.`)
  }
  requireOrigin(key, 'AWS_KMS', 'EXTERNAL')
}

/** @throws KmsError UnsupportedOperationException for a single-Region key and for a replica */
export function requirePrimary(key: Key): void {
  if (key.record.multiRegion && key.region === key.record.primaryRegion) return
  throw unsupportedOperation(`${key.arn} is not a multi-region primary key.`)
}

function invalidState(key: Key, state: string): KmsError {
  return new KmsError('KMSInvalidStateException', `${key.arn} is ${state}.`)
}

function invalidKeyUsage(message: string): KmsError {
  return new KmsError('InvalidKeyUsageException', message)
}

// EnableKey, DisableKey, ScheduleKeyDeletion and CancelKeyDeletion. Each concerns one Region only.
import type { Call, Operation } from './call.ts'
import { findKey } from './get-key.ts'
import { seconds } from './key-metadata.ts'
import { DAY_MS, type Key, keyState } from '../keys/key-record.ts'
import { validationError } from '../kms-error.ts'
import { permitOnKey } from './permit.ts'
import { requireNotPending, requirePending } from './state-rules.ts'

export const enableKey: Operation = (call) => {
  const key = permittedKey(call)
  requireNotPending(call, key)
  call.store.change(key, { enabled: true })
  return {}
}

export const disableKey: Operation = (call) => {
  const key = permittedKey(call)
  requireNotPending(call, key)
  call.store.change(key, { enabled: false })
  return {}
}

export const scheduleKeyDeletion: Operation = (call) => {
  const windowDays = call.fields.read(
    (fields) => fields.integer('PendingWindowInDays', { min: 1, max: 365 }) ?? 30,
  )
  if (windowDays < 7 || windowDays > 30) {
    throw validationError(`PendingWindowInDays should be between 7 and 30, but it is ${windowDays}`)
  }
  const key = permittedKey(call)
  requireNotPending(call, key)
  const { primaryRegion, regions } = key.record
  const waitsForReplicas = key.region === primaryRegion && Object.keys(regions).length > 1
  const date = call.now + windowDays * DAY_MS
  const changed = call.store.change(key, {
    deletion: waitsForReplicas ? { windowDays } : { windowDays, date },
  })
  return {
    KeyId: key.arn,
    DeletionDate: waitsForReplicas ? undefined : seconds(date),
    KeyState: keyState(changed, call.now),
    PendingWindowInDays: windowDays,
  }
}

export const cancelKeyDeletion: Operation = (call) => {
  const key = permittedKey(call)
  requirePending(call, key)
  // AWS leaves the key disabled: whoever saved it decides when it is used again.
  call.store.change(key, { deletion: undefined, enabled: false })
  return { KeyId: key.arn }
}

function permittedKey(call: Call): Key {
  const keyId = call.fields.read((fields) => fields.requiredKeyId('KeyId'))
  const key = findKey(call, keyId, 'own account')
  permitOnKey(call, call.operation, key, 'own account')
  return key
}

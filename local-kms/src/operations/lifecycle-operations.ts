// EnableKey, DisableKey, ScheduleKeyDeletion and CancelKeyDeletion. Each concerns one Region only.
import { dayMs, keyState } from '../keys/key-record.ts'
import { validationError } from '../kms-error.ts'
import type { Call } from './call.ts'
import { toSeconds } from './key-metadata.ts'
import { readPermittedKey } from './get-key.ts'
import { requireImported, requireNotPending, requirePending, requireSettled } from './state-rules.ts'

const minWindowDays = 7
const maxWindowDays = 30

export const lifecycleOperations = {
  EnableKey: enableKey,
  DisableKey: disableKey,
  ScheduleKeyDeletion: scheduleKeyDeletion,
  CancelKeyDeletion: cancelKeyDeletion,
}

function enableKey(call: Call): object {
  const key = readPermittedKey(call)
  requireImported(call, key)
  requireSettled(call, key)
  call.store.change(key, { enabled: true })
  return {}
}

function disableKey(call: Call): object {
  const key = readPermittedKey(call)
  requireImported(call, key)
  requireSettled(call, key)
  call.store.change(key, { enabled: false })
  return {}
}

function scheduleKeyDeletion(call: Call): object {
  // The service model allows 1 to 365 days. The service refuses more of them, with a message of its own.
  const windowDays = call.fields.read(
    (fields) => fields.integer('PendingWindowInDays', { min: 1, max: 365 }) ?? maxWindowDays,
  )
  if (windowDays < minWindowDays || windowDays > maxWindowDays) {
    throw validationError(
      `PendingWindowInDays should be between ${minWindowDays} and ${maxWindowDays}, but it is ${windowDays}`,
    )
  }
  const key = readPermittedKey(call)
  requireNotPending(call, key)
  requireSettled(call, key)
  const { primaryRegion, regions } = key.record
  const waitsForReplicas = key.region === primaryRegion && Object.keys(regions).length > 1
  const date = call.nowMs + windowDays * dayMs
  const changed = call.store.change(key, {
    deletion: waitsForReplicas ? { windowDays } : { windowDays, date },
  })
  return {
    KeyId: key.arn,
    DeletionDate: waitsForReplicas ? undefined : toSeconds(date),
    KeyState: keyState(changed, call.nowMs),
    PendingWindowInDays: windowDays,
  }
}

function cancelKeyDeletion(call: Call): object {
  const key = readPermittedKey(call)
  requirePending(key)
  // AWS leaves the key disabled: the person who saved it decides when it is used again.
  call.store.change(key, { deletion: undefined, enabled: false })
  return { KeyId: key.arn }
}

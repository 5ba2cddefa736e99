// EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus and RotateKeyOnDemand. A rotation adds material; what
// older material encrypted still opens. Automatic rotation has a status and a date, and never comes by itself.
import type { Call, Operation } from './call.ts'
import { findKey } from './get-key.ts'
import { seconds } from './key-metadata.ts'
import { DAY_MS, type Key } from '../keys/key-record.ts'
import { KmsError } from '../kms-error.ts'
import { permitOnKey } from './permit.ts'
import { newMaterial } from './key-operations.ts'
import { requireEnabled, requireRotatable } from './state-rules.ts'

const MAX_ON_DEMAND_ROTATIONS = 25

export const enableKeyRotation: Operation = (call) => {
  const periodDays = call.fields.read(
    (fields) => fields.integer('RotationPeriodInDays', { min: 90, max: 2560 }) ?? 365,
  )
  const key = permittedKey(call)
  requireRotatable(key)
  requireEnabled(call, key)
  call.store.put({ ...key.record, rotation: { periodDays, enabledAt: call.now } })
  return {}
}

export const disableKeyRotation: Operation = (call) => {
  const key = permittedKey(call)
  requireRotatable(key)
  requireEnabled(call, key)
  call.store.put({ ...key.record, rotation: undefined })
  return {}
}

export const getKeyRotationStatus: Operation = (call) => {
  const key = permittedKey(call)
  if (key.record.spec !== 'SYMMETRIC_DEFAULT') requireRotatable(key)
  const { rotation } = key.record
  if (rotation === undefined) return { KeyId: key.arn, KeyRotationEnabled: false }
  return {
    KeyId: key.arn,
    KeyRotationEnabled: true,
    RotationPeriodInDays: rotation.periodDays,
    NextRotationDate: seconds(rotation.enabledAt + rotation.periodDays * DAY_MS),
  }
}

export const rotateKeyOnDemand: Operation = (call) => {
  const key = permittedKey(call)
  requireRotatable(key)
  requireEnabled(call, key)
  const { record } = key
  if (record.materials.length > MAX_ON_DEMAND_ROTATIONS) {
    throw new KmsError(
      'LimitExceededException',
      `A key can be rotated on demand no more than ${MAX_ON_DEMAND_ROTATIONS} times.`,
    )
  }
  call.store.put({ ...record, materials: [...record.materials, newMaterial()] })
  return { KeyId: key.arn }
}

function permittedKey(call: Call): Key {
  const keyId = call.fields.read((fields) => fields.requiredKeyId('KeyId'))
  const key = findKey(call, keyId, 'own account')
  permitOnKey(call, call.operation, key, 'own account')
  return key
}

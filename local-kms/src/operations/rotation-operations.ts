// EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus and RotateKeyOnDemand. A rotation adds material. Automatic
// rotation has a status and a date, and never happens by itself.
import { createKeyMaterial } from '../keys/key-material.ts'
import { dayMs, type Key } from '../keys/key-record.ts'
import { limitExceeded } from '../kms-error.ts'
import type { Call } from './call.ts'
import { toSeconds } from './key-metadata.ts'
import { readPermittedKey } from './get-key.ts'
import { requireEnabled, requireRotatable } from './state-rules.ts'

const maxOnDemandRotations = 25

export const rotationOperations = {
  EnableKeyRotation: enableKeyRotation,
  DisableKeyRotation: disableKeyRotation,
  GetKeyRotationStatus: getKeyRotationStatus,
  RotateKeyOnDemand: rotateKeyOnDemand,
}

function enableKeyRotation(call: Call): object {
  const periodDays = call.fields.read(
    (fields) => fields.integer('RotationPeriodInDays', { min: 90, max: 2560 }) ?? 365,
  )
  const { record } = readRotatableKey(call)
  call.store.put({ ...record, rotation: { periodDays, enabledAt: call.nowMs } })
  return {}
}

function disableKeyRotation(call: Call): object {
  const { record } = readRotatableKey(call)
  call.store.put({ ...record, rotation: undefined })
  return {}
}

function getKeyRotationStatus(call: Call): object {
  const key = readPermittedKey(call)
  if (key.record.spec !== 'SYMMETRIC_DEFAULT') requireRotatable(key)
  const { rotation } = key.record
  if (rotation === undefined) return { KeyId: key.arn, KeyRotationEnabled: false }
  return {
    KeyId: key.arn,
    KeyRotationEnabled: true,
    RotationPeriodInDays: rotation.periodDays,
    NextRotationDate: toSeconds(rotation.enabledAt + rotation.periodDays * dayMs),
  }
}

function rotateKeyOnDemand(call: Call): object {
  const { record, arn } = readRotatableKey(call)
  if (record.materials.length > maxOnDemandRotations) {
    throw limitExceeded(`A key can be rotated on demand no more than ${maxOnDemandRotations} times.`)
  }
  call.store.put({ ...record, materials: [...record.materials, createKeyMaterial()] })
  return { KeyId: arn }
}

function readRotatableKey(call: Call): Key {
  const key = readPermittedKey(call)
  requireRotatable(key)
  requireEnabled(call, key)
  return key
}

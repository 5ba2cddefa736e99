// EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus and RotateKeyOnDemand. A rotation adds material. Automatic
// rotation has a status and a date, and never happens by itself.
import { createKeyMaterial } from '../keys/key-material.ts'
import { dayMs, type Key, type KeyRecord } from '../keys/key-record.ts'
import { KmsError, limitExceeded } from '../kms-error.ts'
import type { Call } from './call.ts'
import { toSeconds } from './key-metadata.ts'
import { readPermittedKey } from './get-key.ts'
import { isEverywhere } from './list-key-rotations.ts'
import { requireEnabled, requireOrigin, requireRotatable, requireRotatableKind } from './state-rules.ts'

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
  const { record } = readScheduledKey(call)
  call.store.put({ ...record, rotation: { periodDays, enabledAt: call.nowMs } })
  return {}
}

function disableKeyRotation(call: Call): object {
  const { record } = readScheduledKey(call)
  call.store.put({ ...record, rotation: undefined })
  return {}
}

function getKeyRotationStatus(call: Call): object {
  const key = readPermittedKey(call)
  requireRotatableKind(key)
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
  const key = readPermittedKey(call)
  // AWS looks at the state first, and then at the kind of key.
  requireEnabled(call, key)
  requireRotatable(key)
  const { record, arn } = key
  if ((record.imports ?? record.materials).length > maxOnDemandRotations) {
    throw limitExceeded(`A key can be rotated on demand no more than ${maxOnDemandRotations} times.`)
  }
  call.store.put(record.origin === 'EXTERNAL' ? rotateImports(call, key) : rotate(call, record))
  return { KeyId: arn }
}

function rotate({ nowMs }: Call, record: KeyRecord): KeyRecord {
  return { ...record, materials: [...record.materials, createKeyMaterial(nowMs)] }
}

function rotateImports({ nowMs }: Call, key: Key): KeyRecord {
  const { record, arn } = key
  const { imports = [], nextImport } = record
  if (nextImport === undefined || !isEverywhere(nextImport, key)) {
    throw new KmsError(
      'KMSInvalidStateException',
      `No available key material pending rotation for the key: ${arn}.`,
    )
  }
  return { ...record, imports: [...imports, { ...nextImport, rotatedAt: nowMs }], nextImport: undefined }
}

// Only material that AWS makes can be rotated on a schedule.
function readScheduledKey(call: Call): Key {
  const key = readPermittedKey(call)
  requireRotatable(key)
  requireOrigin(key, 'AWS_KMS')
  requireEnabled(call, key)
  return key
}

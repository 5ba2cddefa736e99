// ImportKeyMaterial and DeleteImportedKeyMaterial. A key stays bound to the materials that were once imported: only the
// same bytes bring one back. Each Region of a multi-region key needs them for itself.
import type { RequestFields } from '../../fields/request-fields.ts'
import { importedMaterialId } from '../../keys/key-material.ts'
import { dayMs, type ImportedMaterial, type Key, type KeyRecord, withRegion } from '../../keys/key-record.ts'
import { unwrapMaterial } from '../../keys/wrapping-keys.ts'
import { KmsError, validationError } from '../../kms-error.ts'
import type { Call } from '../call.ts'
import { getPermittedKey } from '../get-key.ts'
import { requireCreated, requireNotPending, requireOrigin } from '../state-rules.ts'
import { getImportParameters } from './import-parameters.ts'

const maxBlobBytes = 6_144
const materialBytes = 32
const maxValidDays = 365
const materialIdLimits = { min: 64, max: 64, pattern: /^[a-f0-9]+$/ }

export const importOperations = {
  ImportKeyMaterial: importKeyMaterial,
  DeleteImportedKeyMaterial: deleteImportedKeyMaterial,
}

function importKeyMaterial(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    token: fields.requiredBytes('ImportToken', maxBlobBytes),
    wrapped: fields.requiredBytes('EncryptedKeyMaterial', maxBlobBytes),
    importType: fields.choice('ImportType', ['NEW_KEY_MATERIAL', 'EXISTING_KEY_MATERIAL']),
    description: fields.text('KeyMaterialDescription', { max: 256, pattern: /^[a-zA-Z0-9:/_\s.-]+$/ }),
    materialId: fields.text('KeyMaterialId', materialIdLimits),
    expires: expirationFields(fields),
  }))
  const validTo = checkExpiration(call, request.expires)
  const key = getPermittedKey(call, request.keyId, 'own account')
  requireOrigin(key, 'EXTERNAL')
  requireNotPending(call, key)
  const { privateKey, algorithm } = getImportParameters(call, key, request.token)
  const secret = unwrapMaterial(privateKey, algorithm, request.wrapped)
  if (secret.length !== materialBytes) throw incorrectMaterial()
  const id = importedMaterialId(key.record, secret)
  if (request.materialId !== undefined && request.materialId !== id) throw incorrectMaterial()
  const record = withMaterial(key, id, request.importType)
  const others = (key.local.imported ?? []).filter((each) => each.id !== id)
  const material: ImportedMaterial = {
    id,
    secret: secret.toString('base64'),
    validTo,
    description: request.description,
  }
  call.store.put(withRegion(record, key.region, { ...key.local, imported: [...others, material] }))
  return { KeyId: key.arn, KeyMaterialId: id }
}

function deleteImportedKeyMaterial(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    materialId: fields.text('KeyMaterialId', materialIdLimits),
  }))
  const key = getPermittedKey(call, request.keyId, 'own account')
  requireOrigin(key, 'EXTERNAL')
  requireCreated(call, key)
  const { record, region } = key
  const id = request.materialId ?? record.imports?.at(-1)?.id
  if (id !== undefined && !namesOf(record).includes(id)) throw incorrectMaterial()
  const isNext = id !== undefined && id === record.nextImport?.id
  // Material that waits for its rotation goes in all Regions when it goes in the primary's.
  const isEverywhere = isNext && region === record.primaryRegion
  let changed: KeyRecord = isEverywhere ? { ...record, nextImport: undefined } : record
  for (const [name, local] of Object.entries(record.regions)) {
    if (local === undefined || (name !== region && !isEverywhere)) continue
    changed = withRegion(changed, name, {
      ...local,
      imported: local.imported?.filter((each) => each.id !== id),
    })
  }
  call.store.put(changed)
  return { KeyId: key.arn, KeyMaterialId: id }
}

/** The record with the material as one of its own. */
function withMaterial(key: Key, id: string, importType: string | undefined): KeyRecord {
  const { record } = key
  const { imports = [] } = record
  const isKnown = namesOf(record).includes(id)
  const isNew = (importType ?? (imports.length === 0 ? 'NEW_KEY_MATERIAL' : '')) === 'NEW_KEY_MATERIAL'
  if (!isNew || key.region !== record.primaryRegion) {
    if (isKnown) return record
    throw incorrectMaterial()
  }
  if (isKnown) throw incorrectMaterial()
  if (imports.length === 0) return { ...record, imports: [{ id }] }
  if (record.nextImport !== undefined) {
    throw new KmsError('KMSInvalidStateException', `${key.arn} already has key material pending rotation.`)
  }
  return { ...record, nextImport: { id } }
}

function namesOf({ imports = [], nextImport }: KeyRecord): string[] {
  return [...imports, ...(nextImport === undefined ? [] : [nextImport])].map(({ id }) => id)
}

function expirationFields(fields: RequestFields) {
  return {
    model:
      fields.choice('ExpirationModel', ['KEY_MATERIAL_EXPIRES', 'KEY_MATERIAL_DOES_NOT_EXPIRE']) ??
      'KEY_MATERIAL_EXPIRES',
    validTo: fields.time('ValidTo'),
  }
}

function checkExpiration(
  { nowMs }: Call,
  { model, validTo }: ReturnType<typeof expirationFields>,
): number | undefined {
  if (model === 'KEY_MATERIAL_DOES_NOT_EXPIRE') {
    if (validTo === undefined) return undefined
    throw validationError(
      'A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE',
    )
  }
  if (validTo === undefined) {
    throw validationError('A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES')
  }
  if (validTo <= nowMs || validTo > nowMs + maxValidDays * dayMs) {
    throw validationError(`The validTo date must be in the next ${maxValidDays} days.`)
  }
  return validTo
}

function incorrectMaterial(): KmsError {
  return new KmsError(
    'IncorrectKeyMaterialException',
    'The key material in the request is, expired, invalid, or does not meet expectations.',
  )
}

// ListKeyRotations: the rotations of a key, or all its materials, the first one and the next one included.
import type { Key, MaterialName } from '../keys/key-record.ts'
import type { Call } from './call.ts'
import { getPermittedKey } from './get-key.ts'
import { expirationOf, toSeconds } from './key-metadata.ts'
import { page, pageFields } from './pages.ts'
import { requireCreated, requireRotatableKind } from './state-rules.ts'

export const rotationLists = { ListKeyRotations: listKeyRotations }

function listKeyRotations(call: Call): object {
  const request = call.fields.read((fields) => ({
    keyId: fields.requiredKeyId('KeyId'),
    include: fields.choice('IncludeKeyMaterial', ['ALL_KEY_MATERIAL', 'ROTATIONS_ONLY']),
    ...pageFields(fields, { maxItems: 1000, defaultItems: 100 }),
  }))
  const key = getPermittedKey(call, request.keyId, 'own account')
  requireRotatableKind(key)
  requireCreated(call, key)
  const { record } = key
  const materials = record.imports ?? record.materials
  const named = materials.map((name, index) => ({
    name,
    index,
    state: index === materials.length - 1 ? 'CURRENT' : 'NON_CURRENT',
  }))
  const next = record.nextImport && {
    name: record.nextImport,
    index: materials.length,
    state: isEverywhere(record.nextImport, key)
      ? 'PENDING_ROTATION'
      : 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION',
  }
  const all = [...named, ...(next === undefined ? [] : [next])]
  const wanted = request.include === 'ALL_KEY_MATERIAL' ? all : named.slice(1)
  const { items, ...more } = page(wanted, ({ index }) => String(index).padStart(6, '0'), request)
  return { Rotations: items.map(({ name, state }) => shown(key, name, state)), ...more }
}

/** Whether the material's secret is in all Regions of the key. */
export function isEverywhere({ id }: MaterialName, { record }: Key): boolean {
  return Object.values(record.regions).every((local) => local?.imported?.some((each) => each.id === id))
}

function shown(key: Key, name: MaterialName, state: string): object {
  return {
    KeyId: key.arn,
    KeyMaterialId: name.id,
    KeyMaterialState: state,
    RotationDate: name.rotatedAt === undefined ? undefined : toSeconds(name.rotatedAt),
    RotationType: name.rotatedAt === undefined ? undefined : 'ON_DEMAND',
    ...(key.record.origin === 'EXTERNAL' && importOf(key, name)),
  }
}

function importOf({ local }: Key, { id }: MaterialName): object {
  const material = local.imported?.find((each) => each.id === id)
  if (material === undefined) return { ImportState: 'PENDING_IMPORT' }
  return {
    ImportState: 'IMPORTED',
    KeyMaterialDescription: material.description,
    ...expirationOf(material.validTo ?? Infinity),
  }
}

// The secret bytes of a key. A rotation adds material; ciphertexts under older material still open.
import { createHmac, hash, randomBytes } from 'node:crypto'
import type { Key, KeyMaterial, KeyRecord } from './key-record.ts'

export function createKeyMaterial(rotatedAt?: number): KeyMaterial {
  // An id has 32 bytes, as in AWS. It is a hash of random bytes of its own, never of the secret.
  return { id: hash('sha256', randomBytes(32)), secret: randomBytes(32).toString('base64'), rotatedAt }
}

/** The id of imported material: the same bytes have the same id in one key, and another one in another key. */
export function importedMaterialId({ account, keyId }: KeyRecord, secret: Buffer): string {
  return createHmac('sha256', secret).update(`local-kms material of ${account}/${keyId}`).digest('hex')
}

/** The materials that are usable in the key's Region. */
export function materialsOf({ record, local }: Key): readonly KeyMaterial[] {
  return record.origin === 'EXTERNAL' ? (local.imported ?? []) : record.materials
}

/**
 * The material that encrypts.
 *
 * @throws Error for a key without usable material: operations refuse such a key before
 */
export function currentMaterial(key: Key): KeyMaterial {
  const { record } = key
  const id = (record.origin === 'EXTERNAL' ? record.imports : record.materials)?.at(-1)?.id
  const material = materialsOf(key).find((each) => each.id === id)
  if (material === undefined) throw new Error(`${key.arn} has no key material`)
  return material
}

// Cipherkeys in bulk: each is made by the code that makes them in production.
import { encryptValue, unwrapDataKey, type TenantKey } from '@keyhold/core'
import { newCipherkey } from '../../../server/src/keyring/new-cipherkey.ts'
import { newId } from '../../../server/src/keyring/new-id.ts'
import type { NewCipherkey } from '../../../server/src/store/cipherkeys/cipherkeys.ts'
import type { CopiedRow } from './copy-rows.ts'

export type SeededCipherkey = NewCipherkey & { isActive: boolean }

/** A tenant has so many for each of its key names, of which the last one encrypts. */
export const versionsOfDataKey = 10
/** The plaintext of all samples. */
export const seededText = 'a value'

/** The key names of a tenant with so many cipherkeys. */
export function namesFor(cipherkeys: number): number {
  return Math.ceil(cipherkeys / versionsOfDataKey)
}

export function keyNameOf(number: number): string {
  return `name-${String(number).padStart(8, '0')}`
}

/** @param from - the first of them; a multiple of the versions of a data key */
export function makeCipherkeys(tenantKey: TenantKey, from: number, to: number): SeededCipherkey[] {
  const createdAt = new Date()
  let dataKeyId = ''
  return Array.from({ length: to - from }, (_, index) => {
    const version = 1 + (index % versionsOfDataKey)
    if (version === 1) dataKeyId = newId(createdAt)
    const keyName = keyNameOf(Math.floor((from + index) / versionsOfDataKey))
    const isActive = version === versionsOfDataKey || from + index === to - 1
    return { ...newCipherkey(tenantKey, { dataKeyId, version, keyName, createdAt }), isActive }
  })
}

export function rowOf(row: SeededCipherkey): CopiedRow {
  return {
    tenant_id: row.tenantId,
    data_key_id: row.dataKeyId,
    version: row.version,
    key_name: row.keyName,
    state: row.isActive ? 'active' : 'decrypt-only',
    tenant_key_version: row.tenantKeyVersion,
    wrapped: row.wrapped,
    key_check_value: row.keyCheckValue,
    created_at: new Date(row.createdAtMs),
  }
}

/** Opens the wrap again: a generator that makes wraps which do not open fails here. */
export function valueUnder(tenantKey: TenantKey, row: NewCipherkey): string {
  const ref = { tenantId: row.tenantId, id: row.dataKeyId, version: row.version }
  return encryptValue(unwrapDataKey(tenantKey, ref, row, row.wrapped), {}, Buffer.from(seededText))
}

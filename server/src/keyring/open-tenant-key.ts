// Opens a stored tenant key past every cache, for callers that must know whether it opens now.
import { KeyholdError, verifyKeyCheckValue, type Kms, type TenantKey } from '@keyhold/core'
import type { Store } from '../store/store.ts'
import type { FoundTenantKey, TenantKeyRow } from '../store/tenant-keys/tenant-key-row.ts'

type TenantKeys = Pick<Store, 'tenantKeys'>

/** A version that is not destroyed. */
export type StoredTenantKey = FoundTenantKey & { wrapped: Buffer }

/** Undefined: the tenant has no such version, or it is destroyed. */
export async function findStoredTenantKey(
  { tenantKeys }: TenantKeys,
  tenantId: string,
  version: number,
): Promise<StoredTenantKey | undefined> {
  const row = await tenantKeys.find(tenantId, version)
  return row?.wrapped === undefined ? undefined : { ...row, wrapped: row.wrapped }
}

/** @throws KeyholdError `ERR_KEY_INTEGRITY` for a version that is destroyed, or was never made */
export async function getStoredTenantKey(
  store: TenantKeys,
  tenantId: string,
  version: number,
): Promise<StoredTenantKey> {
  const row = await findStoredTenantKey(store, tenantId, version)
  if (row !== undefined) return row
  throw new KeyholdError('ERR_KEY_INTEGRITY', { message: `Tenant key version ${version} is gone.` })
}

type WrappedTenantKey = Pick<TenantKeyRow, 'tenantId' | 'id' | 'version' | 'keyArn' | 'keyCheckValue'> & {
  wrapped: Buffer
}

/**
 * Unwraps a tenant key and compares its key check value.
 *
 * @throws KeyholdError `ERR_KEY_INTEGRITY`, and the errors of the KMS
 */
export async function unwrapTenantKey(
  kms: Pick<Kms, 'unwrapTenantKey'>,
  row: WrappedTenantKey & Pick<TenantKeyRow, 'format'>,
): Promise<TenantKey> {
  return { ...(await tryTenantKey(kms, row)), format: row.format }
}

/** The same for a version that is not stored yet, and so has no format. */
export async function tryTenantKey(
  kms: Pick<Kms, 'unwrapTenantKey'>,
  row: WrappedTenantKey,
): Promise<Omit<TenantKey, 'format'>> {
  const ref = { tenantId: row.tenantId, id: row.id, version: row.version }
  const tenantKey = { ...ref, key: await kms.unwrapTenantKey(row.keyArn, row.wrapped, ref) }
  verifyKeyCheckValue(tenantKey, row.keyCheckValue)
  return tenantKey
}

/**
 * Reads a tenant key version from the store, unwraps it and compares its key check value.
 *
 * @throws KeyholdError `ERR_KEY_INTEGRITY`, also for a version that is destroyed; and the errors of the KMS
 */
export async function openTenantKey(
  { store, kms }: { store: TenantKeys; kms: Pick<Kms, 'unwrapTenantKey'> },
  tenantId: string,
  version: number,
): Promise<TenantKey> {
  return unwrapTenantKey(kms, await getStoredTenantKey(store, tenantId, version))
}

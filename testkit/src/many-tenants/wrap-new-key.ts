// A new tenant key in the place of a model's, wrapped as the KMS would wrap it that the row names.
import { encodeByokWrap, generateKey, keyArnFingerprint, keyCheckValue, type TenantKey } from '@keyhold/core'
import { sealUnder, type InitialKey } from '@keyhold/local-kms'
import { createInternalKms, isRootKeyArn } from '../../../server/src/kms/internal-kms.ts'
import type { RootKey } from '../../../server/src/kms/root-key-file.ts'
import type { TenantRows } from './model-tenant.ts'

export interface NewTenantKey {
  tenantKey: TenantKey
  isActive: boolean
  columns: Pick<TenantRows['tenant_keys'][number], 'wrapped' | 'key_check_value'>
}

/** @param kek - the tenant's; undefined: it has none */
export async function wrapNewKey(
  rootKey: RootKey,
  kek: InitialKey | undefined,
  row: TenantRows['tenant_keys'][number],
): Promise<NewTenantKey> {
  const ref = { tenantId: row.tenant_id, id: row.id, version: row.version }
  const { key, wrapped } = isRootKeyArn(row.key_arn)
    ? await createInternalKms(rootKey).createTenantKey(row.key_arn, ref)
    : wrapUnder(kek, row)
  return {
    tenantKey: { ...ref, format: row.format ?? 1, key },
    isActive: row.state === 'active',
    columns: { wrapped, key_check_value: keyCheckValue({ ...ref, key }) },
  }
}

function wrapUnder(kek: InitialKey | undefined, row: TenantRows['tenant_keys'][number]) {
  if (kek === undefined) throw new TypeError(`tenant ${row.tenant_id} has no key of its own`)
  const key = generateKey()
  const blob = sealUnder(kek, key.export(), new Map([['tenantId', row.tenant_id]]))
  return { key, wrapped: Buffer.from(encodeByokWrap(keyArnFingerprint(row.key_arn), blob)) }
}

// Creates a tenant. The same transaction makes its first tenant key, under the internal KMS.
import { keyCheckValue, KeyholdError, type Kms } from '@keyhold/core'
import { randomBytes } from 'node:crypto'
import { newId } from '../keyring/new-id.ts'
import type { Actor } from '../store/audits.ts'
import type { Store } from '../store/store.ts'
import type { TenantRow } from '../store/tenants.ts'

export interface CreateTenantParts {
  store: Store
  kms: Kms
  /** The key ARN of the internal KMS. */
  internalKeyArn: string
  /** The name that the tenant's default key provider gets. */
  internalKmsName: string
  internalKmsDescription: string
}

/** @throws KeyholdError `ERR_TENANT_EXISTS`, `ERR_SEALED` */
export async function createTenant(
  parts: CreateTenantParts,
  request: { id: string | undefined; name: string },
  actor: Actor,
): Promise<TenantRow> {
  const tenantId = request.id ?? randomBytes(24).toString('base64url')
  const ref = { tenantId, id: newId(parts.store.clock.now()), version: 1 }
  const { key, wrapped } = await parts.kms.createTenantKey(parts.internalKeyArn, ref)
  return parts.store.withFence(tenantId, async (transaction) => {
    const tenant = await transaction.tenants.insert({
      id: tenantId,
      name: request.name,
      activeTenantKeyVersion: ref.version,
    })
    // After the insert, which waits for a deletion that is under way: a look before it would not see what that retires.
    if (await transaction.tenants.isRetired(tenantId)) {
      throw new KeyholdError('ERR_TENANT_EXISTS', {
        message: 'A tenant with this id was deleted; ids are never used again. Choose another one.',
      })
    }
    await transaction.guards.insert(tenantId)
    await transaction.keyProviders.insert({
      tenantId,
      fingerprint: tenantId,
      kms: 'internal',
      keyArn: parts.internalKeyArn,
      name: parts.internalKmsName,
      description: parts.internalKmsDescription,
      isCurrent: true,
    })
    await transaction.tenantKeys.insert({
      ...ref,
      state: 'active',
      keyArn: parts.internalKeyArn,
      wrapped,
      keyCheckValue: keyCheckValue({ ...ref, key }),
    })
    transaction.audit({ tenantId: undefined, actor, action: 'tenant.create', targetId: tenantId })
    return tenant
  })
}

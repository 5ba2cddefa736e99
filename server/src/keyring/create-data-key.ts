// Making a tenant's data key for a name. It exists for the caller only once its cipherkey is committed, wrapped by
// the tenant key version that was active at that moment.
import { generateKey, keyCheckValue, KeyholdError, wrapDataKey } from '@keyhold/core'
import type { CipherkeyRow } from '../store/cipherkeys.ts'
import type { Store } from '../store/store.ts'
import type { TenantKeyCache } from './tenant-key-cache.ts'
import { newId } from './new-id.ts'

// Each round is lost only to a migration that began or ended in between, or to a tenant deleted and made anew.
const maxRounds = 5

export interface CreateDataKeyParts {
  store: Store
  tenantKeys: TenantKeyCache
  /** How many key names a tenant may have. */
  maxKeyNames: number
}

/**
 * Makes and stores a version of a data key, unless another caller was first: then that one's is answered.
 *
 * @param keyName - undefined: a data key of its own, that no name leads to
 * @param previous - the active version, which the new one follows; undefined: the first version is made
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_KEY_NAME_QUOTA`, and what the tenant's KMS throws
 */
export async function createDataKey(
  { store, tenantKeys, maxKeyNames }: CreateDataKeyParts,
  tenantId: string,
  keyName: string | undefined,
  previous?: CipherkeyRow,
): Promise<CipherkeyRow> {
  for (let round = 0; round < maxRounds; round++) {
    const fence = await store.tenants.findFence(tenantId)
    if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    const wrapping = await tenantKeys.get(tenantId, fence.activeTenantKeyVersion)
    if (wrapping === undefined) continue

    const id = previous?.dataKeyId ?? newId()
    const dataKey = { tenantId, id, version: (previous?.version ?? 0) + 1, key: generateKey() }
    const cipherkey = {
      tenantId,
      dataKeyId: dataKey.id,
      version: dataKey.version,
      tenantKeyVersion: wrapping.tenantKey.version,
      wrapped: wrapDataKey(wrapping.tenantKey, dataKey),
      keyCheckValue: keyCheckValue(dataKey),
    }
    const stored = await store.transaction(async (transaction) => {
      const now = await transaction.tenants.lockFenceShared(tenantId)
      if (now?.epoch !== fence.epoch || now.activeTenantKeyVersion !== fence.activeTenantKeyVersion)
        return undefined
      // What was wrapped must open again: by the stored tenant key, not by one remembered from before a deletion.
      const tenantKey = await transaction.tenantKeys.find(tenantId, wrapping.tenantKey.version)
      if (tenantKey?.id !== wrapping.tenantKey.id) {
        wrapping.validUntilMs = Number.NEGATIVE_INFINITY
        return undefined
      }
      if (keyName === undefined) {
        await transaction.cipherkeys.insertUnnamed(cipherkey)
        return cipherkey
      }
      await transaction.tenants.lockKeyNames(tenantId)
      const isFirst =
        (previous === undefined || (await transaction.cipherkeys.retire(previous))) &&
        (await transaction.cipherkeys.insertActive({ ...cipherkey, keyName }))
      if (!isFirst) return transaction.cipherkeys.findActive(tenantId, keyName)
      if ((await transaction.cipherkeys.countKeyNames(tenantId)) > maxKeyNames) {
        throw new KeyholdError('ERR_KEY_NAME_QUOTA', {
          message: `A tenant has at most ${maxKeyNames} key names (KEYHOLD_MAX_KEY_NAMES).`,
        })
      }
      return cipherkey
    })
    if (stored !== undefined) return stored
  }
  throw new KeyholdError('ERR_DATABASE_UNAVAILABLE', { message: 'The tenant changed too often: try again.' })
}

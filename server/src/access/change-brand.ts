// Changes the brand of the installation, and records who did.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { Brand, StoredBrand } from '../store/console/brand.ts'
import type { Store } from '../store/store.ts'
import { checkBrand } from './check-brand.ts'

/** @throws KeyholdError `ERR_BRAND_INVALID` */
export async function saveBrand(
  store: Pick<Store, 'transaction'>,
  brand: Brand,
  actor: Actor,
): Promise<StoredBrand> {
  checkBrand(brand)
  return store.transaction(async (transaction) => {
    const saved = await transaction.brand.save(brand, actor.id)
    const details = { version: String(saved.version) }
    transaction.audit({ tenantId: undefined, actor, action: 'brand.change', targetId: 'brand', details })
    return saved
  })
}

/** @throws KeyholdError `ERR_BRAND_NOT_FOUND` */
export async function deleteBrand(store: Pick<Store, 'transaction'>, actor: Actor): Promise<void> {
  await store.transaction(async (transaction) => {
    if (!(await transaction.brand.delete())) throw new KeyholdError('ERR_BRAND_NOT_FOUND')
    transaction.audit({ tenantId: undefined, actor, action: 'brand.delete', targetId: 'brand' })
  })
}

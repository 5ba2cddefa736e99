// Changes the draft of a tenant's key set-up, and records who did.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { SetupDraft } from '../store/console/setup-drafts.ts'
import type { Store } from '../store/store.ts'

export interface SetupChange {
  /** The version that the caller has seen; 0: there was none. */
  seen: number
  step: string
  /** JSON. */
  choices: string
  /** How long the draft stays without a change. */
  days: number
}

/** @throws KeyholdError `ERR_SETUP_CHANGED`, `ERR_TENANT_NOT_FOUND`, `ERR_RECORD_NOT_AUTHENTIC` */
export async function saveSetup(
  store: Pick<Store, 'withFenceShared'>,
  tenantId: string,
  { seen, ...content }: SetupChange,
  actor: Actor,
): Promise<SetupDraft> {
  // Under the fence the tenant is not deleted.
  return store.withFenceShared(tenantId, async (transaction, fence) => {
    if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    const draft = await transaction.setupDrafts.save(tenantId, seen, { ...content, changedBy: actor.id })
    if (draft === undefined) throw new KeyholdError('ERR_SETUP_CHANGED')
    const details = { step: draft.step, version: String(draft.version) }
    transaction.audit({ tenantId, actor, action: 'setup.change', targetId: tenantId, details })
    return draft
  })
}

/** @throws KeyholdError `ERR_SETUP_NOT_FOUND` */
export async function deleteSetup(
  store: Pick<Store, 'transaction'>,
  tenantId: string,
  actor: Actor,
): Promise<void> {
  await store.transaction(async (transaction) => {
    if (!(await transaction.setupDrafts.delete(tenantId))) throw new KeyholdError('ERR_SETUP_NOT_FOUND')
    transaction.audit({ tenantId, actor, action: 'setup.delete', targetId: tenantId })
  })
}

/** Deletes the drafts that have expired. Whoever reads one treats it as gone before. */
export async function forgetDrafts({ setupDrafts }: Pick<Store, 'setupDrafts'>): Promise<void> {
  while (await setupDrafts.forgetExpired());
}

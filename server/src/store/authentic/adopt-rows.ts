// The one time at which Keyhold signs rows that it cannot know to be its own: those of an installation that is older than MACs.
// An operator has seen them. Each transaction signs what it has locked, so that replicas may go on writing, and can be
// repeated: nothing is lost when it is cut off.
import { sql } from 'kysely'
import { findRetired, raiseMinimumVersions, type RetiredPage } from '../cipherkeys/fill-minimum-versions.ts'
import type { Store } from '../store.ts'
import { fillRows } from './fill-rows.ts'
import type { SteeringRow } from './steering-rows.ts'
import type { SteeringKind } from './steering-kinds.ts'

/** Signed in one transaction under the fence, which comes last: it states the MACs of the others. */
const underFence: readonly SteeringKind[] = [
  'destruction',
  'tenantKey',
  'keyProvider',
  'keyJobTerms',
  'minimumVersion',
  'fence',
]

/** Signed one kind at a time, since each has writers that lock in an order of their own. */
const besideFence: readonly SteeringKind[] = [
  'guard',
  'keyJobProgress',
  'keyJobFailure',
  'apiKey',
  'keyHealth',
  'auditHead',
  'installation',
  'formerSigningKey',
  'issuerKey',
  'setupDraft',
  'brand',
]

/**
 * All but audit records, which are never changed: their chain covers them, since the MAC of its head is over the hash of the
 * last one; and but for sessions, of which one without a right MAC never counts.
 */
export const adoptedKinds: readonly SteeringKind[] = [...underFence, ...besideFence]

/**
 * Signs the rows of a tenant, or of the installation, that have no right MAC. Answers how many.
 *
 * @param wasSeen - whether the operator has seen the row as it is now; others stay as they are
 */
export async function adoptRows(
  store: Pick<Store, 'transaction'>,
  tenantId: string | undefined,
  wasSeen: (row: SteeringRow) => boolean,
): Promise<number> {
  let signed = await store.transaction(async ({ handle, steeringRows }) => {
    let count = 0
    if (tenantId !== undefined) await sql`select * from keyhold.fence_alone(${tenantId})`.execute(handle)
    for (const kind of underFence) count += await steeringRows.signAll(kind, tenantId, wasSeen)
    return count
  })
  for (const kind of besideFence) {
    signed += await store.transaction(({ steeringRows }) => steeringRows.signAll(kind, tenantId, wasSeen))
  }
  return signed
}

/**
 * Fills in what replicas of the version before have left out of the rows of a tenant. Call it before they are shown.
 *
 * @param tenantId - undefined: of the rows that are of no tenant
 */
export async function completeRows(
  store: Pick<Store, 'transaction'>,
  tenantId: string | undefined,
): Promise<void> {
  if (tenantId !== undefined) await raiseAllMinimumVersions(store, tenantId)
  await store.transaction(async ({ handle }) => {
    if (tenantId !== undefined) await sql`select * from keyhold.fence_alone(${tenantId})`.execute(handle)
    await fillRows(handle, tenantId)
  })
}

/** A tenant may have a million cipherkeys, and its writers must not wait for as long as all of them are read. */
async function raiseAllMinimumVersions(store: Pick<Store, 'transaction'>, tenantId: string): Promise<void> {
  let page: RetiredPage | undefined
  do {
    const after = page?.next
    const found = await store.transaction(({ handle }) => findRetired(handle, tenantId, after))
    if (found.dataKeyIds.length > 0) {
      await store.transaction(async ({ handle }) => {
        await sql`select * from keyhold.fence_alone(${tenantId})`.execute(handle)
        await raiseMinimumVersions(handle, tenantId, found.dataKeyIds)
      })
    }
    page = found
  } while (page.next !== undefined)
}

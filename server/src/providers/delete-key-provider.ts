// Deletes a key provider's entry while nothing depends on its key. Versions that are kept only for the sake of backups
// do not stand in the way: they name the key themselves.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { Store, TransactionStore } from '../store/store.ts'
import { getRegisteredKeyProvider } from './get-key-provider.ts'
import { needs } from './key-provider-usage.ts'

/** @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND`, `ERR_KEY_PROVIDER_DEFAULT`, `ERR_KEY_PROVIDER_IN_USE` */
export async function deleteKeyProvider(
  store: Store,
  tenantId: string,
  fingerprint: string,
  actor: Actor,
): Promise<void> {
  await store.transaction(async (transaction) => {
    // Migrations start, switch and end under this lock, so that none begins to use the provider in between.
    await transaction.tenants.lockFence(tenantId)
    const provider = await getRegisteredKeyProvider(transaction, tenantId, fingerprint)
    if (needs(await transaction.keyJobs.findLive(tenantId), fingerprint)) {
      throw inUse('A running migration needs it: wait until it has ended.')
    }
    if (provider.isCurrent) throw inUse('It is the current key provider: migrate to another one first.')
    await refuseNeededVersions(transaction, tenantId, provider.keyArn)
    await transaction.keyProviders.delete(tenantId, fingerprint)
    transaction.audit({
      tenantId,
      actor,
      action: 'keyprovider.delete',
      targetId: fingerprint,
      details: { keyArn: provider.keyArn },
    })
  })
}

async function refuseNeededVersions(
  { tenantKeys, cipherkeys }: TransactionStore,
  tenantId: string,
  keyArn: string,
): Promise<void> {
  for (const { version, state, destroyAfter, ...row } of await tenantKeys.list(tenantId)) {
    if (row.keyArn !== keyArn || state === 'destroyed') continue
    // A version has a date of destruction only where no cipherkey is left under it. Counting again would take long.
    const isNeeded =
      state !== 'decrypt-only' ||
      (destroyAfter === undefined && (await cipherkeys.existsUnder(tenantId, version)))
    if (isNeeded) throw inUse(`Tenant key version ${version}, which it wraps, still has cipherkeys.`)
  }
}

function inUse(message: string): KeyholdError {
  return new KeyholdError('ERR_KEY_PROVIDER_IN_USE', { message })
}

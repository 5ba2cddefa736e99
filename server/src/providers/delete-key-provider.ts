// Deletes a key provider's entry while nothing depends on its key. Versions that are kept only for the sake of backups
// do not stand in the way: they name the key themselves.
import { KeyholdError } from '@keyhold/core'
import { decideUnderFence } from '../keyring/decide-under-fence.ts'
import type { Actor } from '../store/audits.ts'
import type { Store } from '../store/store.ts'
import type { TenantKeyVersion } from '../store/tenant-keys/tenant-key-row.ts'
import { getRegisteredKeyProvider } from './get-key-provider.ts'
import { needs } from './key-provider-usage.ts'

/** @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND`, `ERR_KEY_PROVIDER_DEFAULT`, `ERR_KEY_PROVIDER_IN_USE` */
export async function deleteKeyProvider(
  store: Store,
  tenantId: string,
  fingerprint: string,
  actor: Actor,
): Promise<void> {
  const look = async () => {
    const { keyArn } = await getRegisteredKeyProvider(store, tenantId, fingerprint)
    const closed = (await store.tenantKeys.list(tenantId)).filter((each) => mayHaveCipherkeys(each, keyArn))
    return store.surveys.findNeeded(
      tenantId,
      closed.map(({ version }) => version),
    )
  }
  // Migrations start, switch and end under the fence, so that none begins to use the provider in between.
  await decideUnderFence(store, tenantId, look, async (transaction, needed) => {
    const provider = await getRegisteredKeyProvider(transaction, tenantId, fingerprint)
    if (needs(await transaction.keyJobs.findLive(tenantId), fingerprint)) {
      throw inUse('A running migration needs it: wait until it has ended.')
    }
    if (provider.isCurrent) throw inUse('It is the current key provider: migrate to another one first.')
    refuseNeededVersions(await transaction.tenantKeys.list(tenantId), provider.keyArn, needed)
    await transaction.keyProviders.delete(provider)
    transaction.audit({
      tenantId,
      actor,
      action: 'keyprovider.delete',
      targetId: fingerprint,
      details: { keyArn: provider.keyArn },
    })
  })
}

// A version has a date of destruction only where no cipherkey is left under it. Looking again would take long.
function mayHaveCipherkeys(version: TenantKeyVersion, keyArn: string): boolean {
  return version.keyArn === keyArn && version.state === 'decrypt-only' && version.destroyAfter === undefined
}

function refuseNeededVersions(versions: TenantKeyVersion[], keyArn: string, needed: readonly number[]): void {
  for (const { version, state, ...row } of versions) {
    if (row.keyArn !== keyArn || state === 'destroyed') continue
    if (state !== 'decrypt-only' || needed.includes(version))
      throw inUse(`Tenant key version ${version}, which it wraps, still has cipherkeys.`)
  }
}

function inUse(message: string): KeyholdError {
  return new KeyholdError('ERR_KEY_PROVIDER_IN_USE', { message })
}

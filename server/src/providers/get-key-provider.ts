// Finds a key provider by the fingerprint in a path.
import { KeyholdError } from '@keyhold/core'
import type { KeyProviderRow } from '../store/key-providers/key-provider-row.ts'
import type { TransactionStore } from '../store/store.ts'

/** @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND` */
export async function getKeyProvider(
  store: Pick<TransactionStore, 'keyProviders'>,
  tenantId: string,
  fingerprint: string,
): Promise<KeyProviderRow> {
  const provider = await store.keyProviders.find(tenantId, fingerprint)
  if (provider === undefined) throw new KeyholdError('ERR_KEY_PROVIDER_NOT_FOUND')
  return provider
}

/** As `getKeyProvider`, but refuses the default provider with `ERR_KEY_PROVIDER_DEFAULT`. */
export async function getRegisteredKeyProvider(
  store: Pick<TransactionStore, 'keyProviders'>,
  tenantId: string,
  fingerprint: string,
): Promise<KeyProviderRow> {
  const provider = await getKeyProvider(store, tenantId, fingerprint)
  if (provider.kms === 'internal') throw new KeyholdError('ERR_KEY_PROVIDER_DEFAULT')
  return provider
}

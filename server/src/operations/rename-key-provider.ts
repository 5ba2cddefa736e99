// Changing what a key provider is called; nothing else of it ever changes.
import { KeyholdError } from '@keyhold/core'
import type { Store } from '../store/store.ts'
import { getRegisteredKeyProvider } from './get-key-provider.ts'

/** @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND`, `ERR_KEY_PROVIDER_DEFAULT` */
export async function renameKeyProvider(
  store: Store,
  tenantId: string,
  fingerprint: string,
  changes: { name?: string; description?: string },
): Promise<void> {
  await getRegisteredKeyProvider(store, tenantId, fingerprint)
  if (!(await store.keyProviders.rename(tenantId, fingerprint, changes))) {
    throw new KeyholdError('ERR_KEY_PROVIDER_NOT_FOUND')
  }
}

// Trying a registered key again, in every region, and keeping what was found.
import { KeyholdError, type Kms } from '@keyhold/core'
import type { KeyProviderRow } from '../store/key-providers.ts'
import type { Store } from '../store/store.ts'
import { getKeyProvider } from './get-key-provider.ts'

/** @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND`, `Encryption-88` and the causes of `Kms.inspectKey` */
export async function testKeyProvider(
  { store, kms }: { store: Store; kms: Kms },
  tenantId: string,
  fingerprint: string,
): Promise<KeyProviderRow> {
  const provider = await getKeyProvider(store, tenantId, fingerprint)
  const inspection = await kms.inspectKey(provider.keyArn, tenantId)
  if (provider.kms === 'internal') return provider
  const saved = await store.keyProviders.saveInspection(tenantId, fingerprint, inspection)
  if (saved === undefined) throw new KeyholdError('ERR_KEY_PROVIDER_NOT_FOUND')
  return saved
}

// Tries a registered key again in every region and stores what was found.
import { KeyholdError, type ExamineKey, type Kms } from '@keyhold/core'
import type { Actor } from '../store/audits.ts'
import type { KeyProviderRow } from '../store/key-providers/key-provider-row.ts'
import type { Store } from '../store/store.ts'
import { checkAlias, type CheckAliasParts } from './check-alias.ts'
import { getStoredKeyAccess } from './get-key-access.ts'
import { getKeyProvider } from './get-key-provider.ts'

export interface TestKeyProviderParts extends CheckAliasParts {
  store: Store
  kms: Kms
  examineKey: ExamineKey
  /** Receives the outcome. An error of `undefined` means that the key passed. */
  onTested: (key: { keyArn: string; tenantId: string }, error: KeyholdError | undefined) => Promise<void>
}

/** @throws KeyholdError `ERR_KEY_PROVIDER_NOT_FOUND`, `Encryption-88`, `ERR_ROLE_WITHOUT_EXTERNAL_ID`, `ERR_KMS_…` */
export async function testKeyProvider(
  parts: TestKeyProviderParts,
  tenantId: string,
  fingerprint: string,
  actor: Actor,
): Promise<KeyProviderRow> {
  const { store, kms, examineKey, onTested } = parts
  const provider = await getKeyProvider(store, tenantId, fingerprint)
  if (provider.kms === 'internal') {
    await kms.inspectKey(provider.keyArn, tenantId)
    return provider
  }
  // The alias is checked even where the key itself fails: people look at an alias when its key is gone.
  await checkAlias(parts, provider)
  const { role } = await getStoredKeyAccess(store, tenantId, provider.keyArn)
  const { inspection, error } = await examineKey(provider.keyArn, tenantId, role)
  await onTested({ keyArn: provider.keyArn, tenantId }, inspection === undefined ? error : undefined)
  if (inspection === undefined) throw error ?? new KeyholdError('ERR_KEY_UNUSABLE')
  return store.withFence(tenantId, async (transaction) => {
    const saved = await transaction.keyProviders.saveInspection(tenantId, fingerprint, inspection)
    if (saved === undefined) throw new KeyholdError('ERR_KEY_PROVIDER_NOT_FOUND')
    transaction.audit({ tenantId, actor, action: 'keyprovider.test', targetId: fingerprint })
    return saved
  })
}

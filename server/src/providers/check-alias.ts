// An alias is resolved once, at registration. If it names another key later, Keyhold shows that and never follows it.
import { isKeyholdError, type AliasedKey, type CustomerRole } from '@keyhold/core'
import { systemActor } from '../store/audits.ts'
import type { KeyProviderRow } from '../store/key-providers/key-provider-row.ts'
import type { Store } from '../store/store.ts'
import { getStoredKeyAccess } from './get-key-access.ts'

export interface CheckAliasParts {
  store: Pick<Store, 'keyAccess' | 'keyProviders' | 'tenants' | 'transaction'>
  /** The key that an alias ARN names now; throws KeyholdError. */
  resolveAlias: (aliasArn: string, tenantId: string, role: CustomerRole | undefined) => Promise<AliasedKey>
}

/**
 * Stores which key the alias of a key provider names now. A provider without an alias is left alone. It throws no
 * error of the KMS: while the KMS cannot be asked, the last answer stays.
 */
export async function checkAlias(
  { store, resolveAlias }: CheckAliasParts,
  { tenantId, fingerprint, keyArn, alias }: KeyProviderRow,
): Promise<void> {
  if (alias === undefined) return
  const { role } = await getStoredKeyAccess(store, tenantId, keyArn)
  let target: AliasedKey | undefined
  try {
    target = await resolveAlias(alias.arn, tenantId, role)
  } catch (error) {
    // Denied or gone means that it names no key that Keyhold may see. Any other error says nothing about the alias.
    if (!isKeyholdError(error, 'Encryption-88', 'ERR_KMS_KEY_NOT_FOUND')) {
      if (isKeyholdError(error)) return
      throw error
    }
  }
  await store.transaction(async (transaction) => {
    if (!(await transaction.keyProviders.saveAliasTarget(tenantId, fingerprint, target))) return
    transaction.audit({
      tenantId,
      actor: systemActor,
      action: 'keyprovider.move-alias',
      targetId: fingerprint,
      details: { aliasArn: alias.arn, ...(target !== undefined && { keyArn: target.keyArn }) },
    })
  })
}

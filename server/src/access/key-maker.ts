// Who makes an API key gives nothing that he does not have himself. A tenant's admin makes keys of that tenant alone, and none
// that can make keys.
import { KeyholdError } from '@keyhold/core'
import type { ApiKeyRow } from '../store/api-keys/api-keys.ts'
import type { Actor } from '../store/audits.ts'
import type { TransactionStore } from '../store/store.ts'
import { areWithin, hasPermission, readScopes } from './scopes.ts'

/** The permission without which nobody makes API keys. */
export const manageApiKeys = 'manage-api-keys'

export interface KeyMaker {
  /** Undefined: Keyhold itself, or a person at the machine, who may give everything. */
  key: Pick<ApiKeyRow, 'role' | 'tenantId' | 'scopes'> | undefined
  /** Who began the chain of keys that have made one another: for a key that a JWT has made, whom it names. */
  responsible: string
}

/** @throws KeyholdError `ERR_UNAUTHENTICATED` for an API key that is gone */
export async function makerOf(
  { apiKeys }: Pick<TransactionStore, 'apiKeys'>,
  { id, role, granted }: Actor,
): Promise<KeyMaker> {
  if (role === undefined) return { key: undefined, responsible: id }
  if (granted !== undefined) return { key: { role, ...granted }, responsible: id }
  const key = await apiKeys.find(id)
  if (key === undefined) throw new KeyholdError('ERR_UNAUTHENTICATED')
  return { key, responsible: key.responsible ?? id }
}

// A revocation signs all keys of the tenant anew, and an operator's list shows all.
const maxKeysOfTenant = 1_000

/**
 * For those whom an operator lets make keys of one tenant.
 *
 * @throws KeyholdError `ERR_API_KEY_QUOTA`
 */
export async function refuseBeyondQuota(
  { apiKeys }: Pick<TransactionStore, 'apiKeys'>,
  { key: maker }: Pick<KeyMaker, 'key'>,
): Promise<void> {
  if (maker?.tenantId === undefined) return
  // Alone: of two at once each would count before the other one's key is there.
  await apiKeys.holdScopeOf(maker.tenantId)
  if ((await apiKeys.countOf(maker.tenantId)) >= maxKeysOfTenant) throw new KeyholdError('ERR_API_KEY_QUOTA')
}

/**
 * A tenant's admin ends and renames no key that may do more than its own, or one with few scopes would shut out the others. Its own
 * it does, and what Keyhold has not written like this: that lets nobody in.
 *
 * @throws KeyholdError `ERR_API_KEY_TOO_WIDE`, `ERR_UNAUTHENTICATED`, `ERR_RECORD_NOT_AUTHENTIC`
 */
export async function refuseToChangeWider(
  transaction: Pick<TransactionStore, 'apiKeys'>,
  id: string,
  actor: Actor,
): Promise<void> {
  const { key: maker } = await makerOf(transaction, actor)
  if (maker === undefined || maker.role === 'operator' || actor.id === id) return
  const key = await transaction.apiKeys.find(id)
  if (key !== undefined && !areWithin(key.scopes, maker.scopes)) {
    throw new KeyholdError('ERR_API_KEY_TOO_WIDE', {
      message: 'The key allows more than the one that asks for this. Ask with a key that has its scopes.',
    })
  }
}

/** @throws KeyholdError `ERR_API_KEY_TOO_WIDE`, `ERR_TENANT_NOT_FOUND` for another tenant than that of the maker */
export function refuseWider(
  { key: maker }: Pick<KeyMaker, 'key'>,
  asked: Pick<ApiKeyRow, 'role' | 'tenantId' | 'scopes'>,
): void {
  if (maker === undefined) return
  if (maker.role !== 'operator') {
    if (asked.role === 'operator') {
      throw new KeyholdError('ERR_API_KEY_TOO_WIDE', {
        message: 'Only an operator makes a key of this role.',
      })
    }
    // A foreign tenant looks like one that never existed.
    if (asked.tenantId !== maker.tenantId) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    const scopes = asked.scopes && readScopes(asked.scopes)
    if (asked.role === 'tenant-admin' && hasPermission(scopes, manageApiKeys)) {
      throw new KeyholdError('ERR_API_KEY_TOO_WIDE', {
        message: `A key that can make keys is made by an operator: leave the scope ${manageApiKeys} out.`,
      })
    }
  }
  if (!areWithin(asked.scopes, maker.scopes)) {
    throw new KeyholdError('ERR_API_KEY_TOO_WIDE', {
      message: 'Each scope of the new key must lie within one of the key that makes it, which has scopes.',
    })
  }
}

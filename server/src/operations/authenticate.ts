// From an access token to the caller. An unknown, a revoked and a malformed token are one and the same to the outside.
import { KeyholdError } from '@keyhold/core'
import { LRUCache } from 'lru-cache'
import type { ApiKeyRow } from '../store/api-keys.ts'
import type { Store } from '../store/store.ts'
import { isApiKeySecret, parseApiKeyToken } from './api-key-token.ts'
import type { Caller } from './caller.ts'

// A revoked key works for this long at most on a replica that has just seen it.
const holdMs = 5_000
const maxHeld = 10_000

export type Authenticate = (token: string) => Promise<Caller>

/** Creates the check of access tokens; it throws `ERR_UNAUTHENTICATED`. */
export function createAuthenticate(store: Store): Authenticate {
  const rows = new LRUCache<string, ApiKeyRow>({ max: maxHeld, ttl: holdMs })

  return async (text) => {
    const token = parseApiKeyToken(text)
    if (token === undefined) throw new KeyholdError('ERR_UNAUTHENTICATED')
    const row = rows.get(token.id) ?? (await store.apiKeys.find(token.id))
    if (row === undefined || !isApiKeySecret(token.secret, row.secretHash)) {
      throw new KeyholdError('ERR_UNAUTHENTICATED')
    }
    rows.set(token.id, row, { noUpdateTTL: true })
    return { apiKeyId: row.id, role: row.role, tenantId: row.tenantId }
  }
}

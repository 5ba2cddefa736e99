// Creates an API key. Its secret exists in the answer alone.
import { KeyholdError } from '@keyhold/core'
import type { ApiKeyRow, NewApiKey } from '../store/api-keys/api-keys.ts'
import type { Actor } from '../store/audits.ts'
import type { Store, TransactionStore } from '../store/store.ts'
import type { ApiKeyRole } from '../store/tables.ts'
import { encodeApiKeyToken, generateApiKeyToken, hashApiKeySecret } from './api-key-token.ts'
import { makerOf, refuseBeyondQuota, refuseWider } from './key-maker.ts'
import { isNetwork } from './networks.ts'

export interface ApiKeyRequest {
  role: ApiKeyRole
  tenantId: string | undefined
  name: string
  /** Default: a year for services, 90 days for all others. `none`: it does not end by itself. */
  expiresInMs?: number | 'none' | undefined
  scopes?: readonly string[] | undefined
  addresses?: readonly string[] | undefined
}

const dayMs = 86_400_000
const defaultDays: Readonly<Record<ApiKeyRole, number>> = {
  'tenant-admin': 90,
  service: 365,
  'service-encrypt': 365,
  auditor: 90,
  'security-officer': 90,
  operator: 90,
  setup: 7,
}
const needsTenant: readonly ApiKeyRole[] = ['tenant-admin', 'auditor', 'security-officer']

/**
 * @throws KeyholdError `ERR_INVALID_REQUEST` when role and tenant do not go together, or for a text that is no network,
 * `ERR_TENANT_NOT_FOUND`, `ERR_API_KEY_TOO_WIDE` where the actor may not give so much, `ERR_API_KEY_QUOTA`, `ERR_REPLICAS_OLDER`
 */
export async function createApiKey(
  store: Store,
  request: ApiKeyRequest,
  actor: Actor,
): Promise<{ row: ApiKeyRow; token: string }> {
  const { role, tenantId, addresses = [] } = request
  if (needsTenant.includes(role) && tenantId === undefined) {
    const article = role === 'auditor' ? 'An' : 'A'
    throw new KeyholdError('ERR_INVALID_REQUEST', { message: `${article} ${role} key needs a tenantId.` })
  }
  if (role === 'operator' && tenantId !== undefined) {
    throw new KeyholdError('ERR_INVALID_REQUEST', { message: 'An operator key has no tenantId.' })
  }
  if (!addresses.every(isNetwork)) {
    throw new KeyholdError('ERR_INVALID_REQUEST', {
      message: 'Each of the addresses is a network, such as 192.0.2.0/24 or 2001:db8::/48, or one address.',
    })
  }
  const create = async (transaction: TransactionStore) => {
    const maker = await makerOf(transaction, actor)
    refuseWider(maker, request)
    await refuseBeyondQuota(transaction, maker)
    const made = await insertApiKey(
      transaction,
      { ...request, lifeMs: lifeOf(request) },
      {
        createdBy: actor.id,
        responsible: maker.responsible,
      },
    )
    const details = { role, expiresAt: made.row.expiresAt?.toISOString() ?? 'none' }
    transaction.audit({ tenantId, actor, action: 'apikey.create', targetId: made.row.id, details })
    return made
  }
  if (tenantId === undefined) return store.transaction(create)
  // Nobody deletes the tenant while its fence is shared.
  return store.withFenceShared(tenantId, (transaction, fence) => {
    if (fence === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    return create(transaction)
  })
}

/** Makes the text of an API key, and its row. Whether the actor may is for the caller to decide. */
export async function insertApiKey(
  transaction: TransactionStore,
  limits: Pick<NewApiKey, 'role' | 'tenantId' | 'name' | 'lifeMs' | 'scopes' | 'addresses'>,
  origin: Pick<ApiKeyRow, 'createdBy' | 'responsible' | 'predecessorId'>,
): Promise<{ row: ApiKeyRow; token: string }> {
  // Such a replica would refuse the key, and a revocation through it would end the key for good.
  await transaction.replicas.refuseOlder('knows_api_key_limits')
  const token = generateApiKeyToken((idStart) => transaction.macs.tagOf('apiKeyId', idStart))
  const { role, tenantId, name, lifeMs, scopes, addresses } = limits
  const row = await transaction.apiKeys.insert({
    ...{ id: token.id, secretHash: hashApiKeySecret(token), role, tenantId, name },
    ...{ lifeMs, scopes, addresses, ...origin },
  })
  return { row, token: encodeApiKeyToken(token) }
}

function lifeOf({ role, expiresInMs = defaultLifeMs(role) }: ApiKeyRequest): number | undefined {
  return expiresInMs === 'none' ? undefined : expiresInMs
}

/** How long a key lives of whose end nobody has said anything. */
export function defaultLifeMs(role: ApiKeyRole): number {
  return defaultDays[role] * dayMs
}

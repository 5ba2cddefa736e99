// The operator's routes: tenants and API keys.
import { tenantIdPattern, type ApiKey, type Tenant } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import { createApiKey } from '../../access/create-api-key.ts'
import { deleteApiKey } from '../../access/delete-api-key.ts'
import { createTenant, type CreateTenantParts } from '../../access/create-tenant.ts'
import { deleteTenant } from '../../destruction/delete-tenant.ts'
import type { ApiKeyRow, ListedApiKey } from '../../store/api-keys/api-keys.ts'
import type { TenantRow } from '../../store/tenants.ts'
import { actorOf } from '../wire/actor-of.ts'
import type { Handlers } from '../server/handler.ts'
import { cutPage, pageOf } from '../wire/page-wire.ts'
import { wireSeconds } from '../wire/wire-time.ts'

const tenantIdForm = new RegExp(tenantIdPattern)
const apiKeyIdForm = /^[0-9a-z]{16}$/

export interface OperatorParts extends CreateTenantParts {
  callers: {
    /** Receives the access token of a new API key. */
    wasCreated: (token: string) => void
    /** Receives the id of an API key that is revoked. */
    end: (apiKeyId: string) => void
    /** Receives the id of a tenant that is deleted. */
    endTenant: (tenantId: string) => void
  }
}

export function operatorHandlers(
  parts: OperatorParts,
): Pick<
  Handlers,
  | 'createTenant'
  | 'listTenants'
  | 'getTenant'
  | 'deleteTenant'
  | 'createApiKey'
  | 'listApiKeys'
  | 'deleteApiKey'
> {
  const { store, callers } = parts
  return {
    async createTenant(call) {
      const { id, name } = call.body
      return { status: 201, body: tenantWire(await createTenant(parts, { id, name }, actorOf(call))) }
    },

    async listTenants({ query }) {
      const page = pageOf(query)
      const { dueAt, rows, next } = await store.readSnapshot(async (snapshot) => {
        const cut = cutPage(await snapshot.tenants.list(page), page)
        return { ...cut, dueAt: await snapshot.destructions.listTenantsDueAt(cut.rows.map(({ id }) => id)) }
      })
      const tenants = rows.map((row) => tenantWire(row, dueAt.get(row.id)))
      return { status: 200, body: { tenants, ...next } }
    },

    async getTenant({ params }) {
      const tenantId = checkTenantId(params.tenantId)
      const { row, dueAt } = await store.readSnapshot(async (snapshot) => ({
        row: await snapshot.tenants.find(tenantId),
        dueAt: await snapshot.destructions.listTenantsDueAt([tenantId]),
      }))
      if (row === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
      return { status: 200, body: tenantWire(row, dueAt.get(tenantId)) }
    },

    async deleteTenant(call) {
      const tenantId = checkTenantId(call.params.tenantId)
      await deleteTenant(store, tenantId, actorOf(call))
      callers.endTenant(tenantId)
      return { status: 204, body: null }
    },

    async createApiKey(call) {
      const { role, tenantId, name = '' } = call.body
      const { row, token } = await createApiKey(store, { role, tenantId, name }, actorOf(call))
      callers.wasCreated(token)
      return { status: 201, body: { ...apiKeyWire(row), key: token } }
    },

    async listApiKeys({ query }) {
      const page = pageOf(query)
      const { rows, next } = cutPage(await store.apiKeys.list(page), page)
      return { status: 200, body: { apiKeys: rows.map(listedApiKeyWire), ...next } }
    },

    async deleteApiKey(call) {
      const { apiKeyId } = call.params
      if (!apiKeyIdForm.test(apiKeyId)) throw new KeyholdError('ERR_API_KEY_NOT_FOUND')
      await deleteApiKey(store, apiKeyId, actorOf(call))
      callers.end(apiKeyId)
      return { status: 204, body: null }
    },
  }
}

export function checkTenantId(tenantId: string): string {
  if (!tenantIdForm.test(tenantId)) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
  return tenantId
}

function tenantWire(row: TenantRow, deletionDueAt?: Date): Tenant {
  return {
    id: row.id,
    name: row.name,
    createdAt: wireSeconds(row.createdAt),
    ...(deletionDueAt !== undefined && { deletionDueAt: deletionDueAt.toISOString() }),
  }
}

function listedApiKeyWire({ isTampered, ...row }: ListedApiKey) {
  return { ...apiKeyWire(row), ...(isTampered && { tampered: true as const }) }
}

function apiKeyWire(row: Omit<ApiKeyRow, 'secretHash'>): ApiKey {
  return {
    id: row.id,
    role: row.role,
    ...(row.tenantId !== undefined && { tenantId: row.tenantId }),
    name: row.name,
    createdAt: wireSeconds(row.createdAt),
  }
}

// The routes of API keys: an operator's for all of them, a tenant admin's for those of its tenant.
import type { ApiKey } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import { createApiKey } from '../../access/create-api-key.ts'
import { deleteApiKey } from '../../access/delete-api-key.ts'
import { renameApiKey } from '../../access/rename-api-key.ts'
import { rotateApiKey } from '../../access/rotate-api-key.ts'
import type { ApiKeyRow, ListedApiKey } from '../../store/api-keys/api-keys.ts'
import type { Store } from '../../store/store.ts'
import { actorOf } from '../wire/actor-of.ts'
import { refuseOutsideRole } from './refuse-outside-role.ts'
import type { Handlers } from '../server/handler.ts'
import { cutPage, pageOf } from '../wire/page-wire.ts'
import { wireMilliseconds, wireSeconds } from '../wire/wire-time.ts'

const apiKeyIdForm = /^[0-9a-z]{16}$/
const msOfSecond = 1_000
const defaultOverlapSeconds = 86_400

export interface ApiKeyParts {
  store: Store
  callers: {
    /** Receives the access token of a new API key. */
    wasCreated: (token: string) => void
    /** Receives the id of an API key that is revoked. */
    end: (apiKeyId: string) => void
    /** Reads the keys that are held again. */
    readAgain: () => Promise<void>
  }
  /**
   * Has the API keys that hold written outside of the database before a revocation is answered: an older database must not
   * bring one back. Undefined: those of no tenant.
   */
  keepRevocation: (tenantId: string | undefined) => Promise<void>
  /** Whether requests of a tenant, or of the installation, have come of late through a proxy that is not trusted. */
  comeThroughStrangers: (tenantId: string | undefined) => boolean
}

type ApiKeyRoutes = 'createApiKey' | 'listApiKeys' | 'renameApiKey' | 'rotateApiKey' | 'deleteApiKey'

export function apiKeyHandlers({
  store,
  callers,
  comeThroughStrangers,
  keepRevocation,
}: ApiKeyParts): Pick<Handlers, ApiKeyRoutes> {
  return {
    async createApiKey(call) {
      const { role, name = '', expiresInSeconds, scopes, addresses } = call.body
      // An admin need not name its own tenant.
      const tenantId = call.body.tenantId ?? (role === 'operator' ? undefined : call.caller.tenantId)
      refuseOutsideRole(role, scopes ?? [])
      if (addresses !== undefined && comeThroughStrangers(tenantId)) {
        throw new KeyholdError('ERR_API_KEY_ADDRESSES', {
          message:
            'Requests come through a proxy that KEYHOLD_TRUSTED_PROXIES does not name: a list of addresses would let in everybody behind it, or nobody. Name the proxy first.',
        })
      }
      const request = {
        ...{ role, tenantId, name, scopes, addresses, expiresInMs: millisecondsOf(expiresInSeconds) },
      }
      const { row, token } = await createApiKey(store, request, actorOf(call))
      callers.wasCreated(token)
      return { status: 201, body: { ...apiKeyWire(row), key: token } }
    },

    async listApiKeys({ query, caller: { tenantId } }) {
      const page = pageOf(query)
      const { rows, uses, names, next } = await store.readSnapshot(async (snapshot) => {
        const cut = cutPage(await snapshot.apiKeys.list(page, tenantId), page)
        const creators = cut.rows.flatMap(({ createdBy }) => (createdBy === undefined ? [] : [createdBy]))
        return {
          ...cut,
          uses: await snapshot.apiKeyUses.findAll(cut.rows.map(({ id }) => id)),
          names: await snapshot.apiKeys.findNames([...new Set(creators)], tenantId),
        }
      })
      const apiKeys = rows.map((row) =>
        listedApiKeyWire(row, uses.get(row.id), names.get(row.createdBy ?? '')),
      )
      return { status: 200, body: { apiKeys, ...next } }
    },

    async renameApiKey(call) {
      const request = { id: idOf(call), tenantId: call.caller.tenantId, name: call.body.name }
      return { status: 200, body: apiKeyWire(await renameApiKey(store, request, actorOf(call))) }
    },

    async rotateApiKey(call) {
      const { overlapSeconds = defaultOverlapSeconds, expiresInSeconds } = call.body
      const id = idOf(call)
      const request = {
        ...{ id, tenantId: call.caller.tenantId },
        ...{ overlapMs: overlapSeconds * msOfSecond, expiresInMs: millisecondsOf(expiresInSeconds) },
      }
      const { row, token } = await rotateApiKey(store, request, actorOf(call))
      callers.wasCreated(token)
      if (overlapSeconds === 0) {
        callers.end(id)
        await keepRevocation(row.tenantId)
      } else callers.readAgain().catch(() => undefined)
      return { status: 201, body: { ...apiKeyWire(row), key: token } }
    },

    async deleteApiKey(call) {
      const id = idOf(call)
      const { caller, query } = call
      const request = { id, tenantId: caller.tenantId, mayEndLastOperator: query.lastOperator === 'true' }
      const { tenantId } = await deleteApiKey(store, request, actorOf(call))
      callers.end(id)
      await keepRevocation(tenantId)
      return { status: 204, body: null }
    },
  }
}

function idOf({ params: { apiKeyId } }: { params: Record<'apiKeyId', string> }): string {
  if (!apiKeyIdForm.test(apiKeyId)) throw new KeyholdError('ERR_API_KEY_NOT_FOUND')
  return apiKeyId
}

function millisecondsOf(seconds: number | 'none' | undefined): number | 'none' | undefined {
  return typeof seconds === 'number' ? seconds * msOfSecond : seconds
}

function listedApiKeyWire(
  { isTampered, ...row }: ListedApiKey,
  lastUsedAt: Date | undefined,
  createdByName: string | undefined,
) {
  // Whatever else stands in such a row may be somebody's text.
  if (isTampered) {
    const { id, role, tenantId, name, createdAt } = row
    return { ...apiKeyWire({ id, role, tenantId, name, createdAt }), tampered: true as const }
  }
  return {
    ...apiKeyWire(row),
    ...(lastUsedAt !== undefined && { lastUsedAt: wireSeconds(lastUsedAt) }),
    ...(createdByName !== undefined && { createdByName }),
  }
}

function apiKeyWire(row: Omit<ApiKeyRow, 'secretHash'>): ApiKey {
  return {
    id: row.id,
    role: row.role,
    ...(row.tenantId !== undefined && { tenantId: row.tenantId }),
    name: row.name,
    createdAt: wireSeconds(row.createdAt),
    ...(row.expiresAt !== undefined && { expiresAt: wireMilliseconds(row.expiresAt) }),
    ...(row.scopes !== undefined && { scopes: [...row.scopes] }),
    ...(row.addresses !== undefined && { addresses: [...row.addresses] }),
    ...(row.createdBy !== undefined && { createdBy: row.createdBy }),
    ...(row.responsible !== undefined && { responsible: row.responsible }),
    ...(row.predecessorId !== undefined && { predecessorId: row.predecessorId }),
  }
}

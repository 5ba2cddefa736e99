// The routes of key providers.
import { spellings, type KeyProvider } from '@keyhold/contract'
import type { Kms } from '@keyhold/core'
import { deleteKeyProvider } from '../operations/delete-key-provider.ts'
import { getKeyProvider } from '../operations/get-key-provider.ts'
import { registerKeyProvider } from '../operations/register-key-provider.ts'
import { renameKeyProvider } from '../operations/rename-key-provider.ts'
import { testKeyProvider } from '../operations/test-key-provider.ts'
import type { Store } from '../store/store.ts'
import type { Handlers } from './handler.ts'
import { keyProviderWire } from './wire/key-provider-wire.ts'

export interface KeyProviderHandlerParts {
  store: Store
  kms: Kms
  requireMultiRegion: boolean
}

export function keyProviderHandlers(
  parts: KeyProviderHandlerParts,
): Pick<
  Handlers,
  | 'listKeyProviders'
  | 'listAllKeyProviders'
  | 'createKeyProvider'
  | 'getKeyProvider'
  | 'patchKeyProvider'
  | 'deleteKeyProvider'
  | 'testKeyProvider'
> {
  const { store } = parts

  async function list(tenantId: string, withDefault: boolean): Promise<KeyProvider[]> {
    const rows = await store.keyProviders.list(tenantId)
    return rows.filter((row) => withDefault || row.kms !== 'internal').map(keyProviderWire)
  }

  return {
    async listKeyProviders({ tenantId }) {
      return { status: 200, body: await list(tenantId, false) }
    },

    async listAllKeyProviders({ tenantId }) {
      return { status: 200, body: await list(tenantId, true) }
    },

    async createKeyProvider({ tenantId, body }) {
      const { name, arn, description = '' } = body
      const row = await registerKeyProvider(parts, { tenantId, arn, name, description })
      return { status: 201, body: keyProviderWire(row) }
    },

    async getKeyProvider({ tenantId, params }) {
      return {
        status: 200,
        body: keyProviderWire(await getKeyProvider(store, tenantId, params.arnFingerPrint)),
      }
    },

    async patchKeyProvider({ tenantId, params, body }) {
      const changes: { name?: string; description?: string } = {}
      for (const { path, value } of body) changes[path === '/name' ? 'name' : 'description'] = value
      await renameKeyProvider(store, tenantId, params.arnFingerPrint, changes)
      return { status: 204, body: null }
    },

    async deleteKeyProvider({ tenantId, params }) {
      await deleteKeyProvider(store, tenantId, params.arnFingerPrint)
      return { status: 200, body: { message: spellings.deletedMessage } }
    },

    async testKeyProvider({ tenantId, params }) {
      return {
        status: 201,
        body: keyProviderWire(await testKeyProvider(parts, tenantId, params.arnFingerPrint)),
      }
    },
  }
}

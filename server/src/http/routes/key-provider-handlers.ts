// The routes of key providers.
import { spellings, type KeyProvider } from '@keyhold/contract'
import { checkKey } from '../../providers/check-key.ts'
import { deleteKeyProvider } from '../../providers/delete-key-provider.ts'
import { findKnownKey } from '../../providers/find-known-key.ts'
import { getKeyProvider } from '../../providers/get-key-provider.ts'
import { createKeyPolicies, type KeyPolicyParts } from '../../providers/policy/key-policy.ts'
import { registerKeyProvider, type RegisterKeyProviderParts } from '../../providers/register-key-provider.ts'
import { renameKeyProvider } from '../../providers/rename-key-provider.ts'
import { testKeyProvider, type TestKeyProviderParts } from '../../providers/test-key-provider.ts'
import type { KeyProviderRow } from '../../store/key-providers/key-provider-row.ts'
import { actorOf } from '../wire/actor-of.ts'
import type { Handlers } from '../server/handler.ts'
import { keyCheckWire, keyPolicyWire } from '../wire/key-check-wire.ts'
import { isDefaultProvider, keyProviderWire, listedKeyProviderWire } from '../wire/key-provider-wire.ts'

export interface KeyProviderHandlerParts
  extends RegisterKeyProviderParts, TestKeyProviderParts, Omit<KeyPolicyParts, 'findKnown'> {
  store: RegisterKeyProviderParts['store']
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
  | 'checkKeyProvider'
  | 'getKeyPolicy'
> {
  const { store } = parts

  async function list(tenantId: string, withDefault: boolean): Promise<KeyProvider[]> {
    const { rows, health } = await store.readSnapshot(async (snapshot) => ({
      rows: await snapshot.keyProviders.listShown(tenantId),
      health: await snapshot.keyHealth.list(tenantId),
    }))
    return rows
      .filter((row) => withDefault || !isDefaultProvider(row))
      .map((row) => listedKeyProviderWire(row, health))
  }

  // After a change, which has answered the row.
  async function show(row: KeyProviderRow): Promise<KeyProvider> {
    return keyProviderWire(row, await store.keyHealth.list(row.tenantId, row.fingerprint))
  }

  return {
    async listKeyProviders({ tenantId }) {
      return { status: 200, body: await list(tenantId, false) }
    },

    async listAllKeyProviders({ tenantId }) {
      return { status: 200, body: await list(tenantId, true) }
    },

    async createKeyProvider(call) {
      const { tenantId } = call
      const { name, arn, roleArn, roleAccess, description = '' } = call.body
      const request = { tenantId, arn, roleArn, roleAccess, name, description }
      const row = await registerKeyProvider(parts, request, actorOf(call))
      return { status: 201, body: await show(row) }
    },

    async checkKeyProvider({ tenantId, body }) {
      return { status: 200, body: keyCheckWire(await checkKey(parts, tenantId, body)) }
    },

    async getKeyPolicy({ tenantId, query }) {
      const findKnown = (id: string, keyArn: string | undefined) => findKnownKey(store, id, keyArn)
      return {
        status: 200,
        body: keyPolicyWire(await createKeyPolicies({ ...parts, findKnown }, tenantId, query)),
      }
    },

    async getKeyProvider({ tenantId, params }) {
      const { row, health } = await store.readSnapshot(async (snapshot) => ({
        row: await getKeyProvider(snapshot, tenantId, params.arnFingerPrint),
        health: await snapshot.keyHealth.list(tenantId, params.arnFingerPrint),
      }))
      return { status: 200, body: keyProviderWire(row, health) }
    },

    async patchKeyProvider(call) {
      const changes: { name?: string; description?: string } = {}
      for (const { path, value } of call.body) changes[path === '/name' ? 'name' : 'description'] = value
      const request = { fingerprint: call.params.arnFingerPrint, ...changes }
      await renameKeyProvider(store, call.tenantId, request, actorOf(call))
      return { status: 204, body: null }
    },

    async deleteKeyProvider(call) {
      await deleteKeyProvider(store, call.tenantId, call.params.arnFingerPrint, actorOf(call))
      return { status: 200, body: { message: spellings.deletedMessage } }
    },

    async testKeyProvider(call) {
      const { tenantId, params } = call
      const row = await testKeyProvider(parts, tenantId, params.arnFingerPrint, actorOf(call))
      return { status: 201, body: await show(row) }
    },
  }
}

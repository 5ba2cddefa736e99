// The routes of tenant keys, and of the key that signs reports.
import { limits } from '@keyhold/contract'
import { keyArnFingerprint } from '@keyhold/core'
import { startRotation } from '../../migration/start-rotation.ts'
import type { StartMigrationParts } from '../../migration/start-migration.ts'
import type { PublicSigningKey } from '../../installation/kept-signing-key.ts'
import { actorOf } from '../wire/actor-of.ts'
import type { Handlers } from '../server/handler.ts'
import { arnWire, keyJobWire } from '../wire/key-job-wire.ts'

export function tenantKeyHandlers(
  parts: StartMigrationParts,
  signingKeys: readonly PublicSigningKey[],
): Pick<Handlers, 'rotateTenantKey' | 'listTenantKeys' | 'listSigningKeys'> {
  const { store } = parts
  return {
    async rotateTenantKey(call) {
      const job = await startRotation(parts, call.tenantId, actorOf(call))
      return { status: 200, body: keyJobWire(job, { open: 0, accepted: 0 }, store.clock.now()) }
    },

    async listTenantKeys({ tenantId, query: { before, limit } }) {
      const shown = limit === undefined ? limits.defaultListedPerPage : Number(limit)
      const { providers, versions } = await store.readSnapshot(async (snapshot) => ({
        providers: await snapshot.keyProviders.list(tenantId),
        // One more than asked for tells whether there is another page.
        versions: await snapshot.tenantKeys.listNewest(tenantId, {
          before: before === undefined ? undefined : Number(before),
          limit: shown + 1,
        }),
      }))
      const internalKeyArn = providers.find(({ kms }) => kms === 'internal')?.keyArn
      const tenantKeys = versions.slice(0, shown).map(({ version, state, keyArn, ...times }) => {
        // The key provider may be deleted by now. Its fingerprint comes from the key's ARN.
        const fingerprint = keyArn === internalKeyArn ? tenantId : keyArnFingerprint(keyArn)
        return {
          version,
          state,
          keyArn: arnWire(tenantId, fingerprint, keyArn),
          fingerprint,
          createdAt: times.createdAt.toISOString(),
          ...(times.destroyAfter !== undefined && { destroyAfter: times.destroyAfter.toISOString() }),
          ...(times.destroyedAt !== undefined && { destroyedAt: times.destroyedAt.toISOString() }),
        }
      })
      const last = versions.length > shown ? tenantKeys.at(-1) : undefined
      const next = last === undefined ? {} : { next: String(last.version) }
      return { status: 200, body: { tenantKeys, ...next } }
    },

    listSigningKeys: () => ({ status: 200, body: { keys: [...signingKeys] } }),
  }
}

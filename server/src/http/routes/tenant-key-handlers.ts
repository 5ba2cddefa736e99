// The routes of tenant keys, and of the key that signs reports.
import { limits } from '@keyhold/contract'
import { startRotation } from '../../migration/start-rotation.ts'
import type { StartMigrationParts } from '../../migration/start-migration.ts'
import type { PublicSigningKeys } from '../../installation/signing-keys/public-signing-keys.ts'
import { actorOf } from '../wire/actor-of.ts'
import type { Handlers } from '../server/handler.ts'
import { keyJobWire } from '../wire/key-job-wire.ts'
import { tenantKeyWire } from '../wire/tenant-key-wire.ts'

export function tenantKeyHandlers(
  parts: StartMigrationParts,
  signingKeys: () => PublicSigningKeys,
): Pick<Handlers, 'rotateTenantKey' | 'listTenantKeys' | 'listSigningKeys'> {
  const { store } = parts
  return {
    async rotateTenantKey(call) {
      const job = await startRotation(parts, call.tenantId, actorOf(call))
      return { status: 200, body: keyJobWire(job, { open: 0, accepted: 0 }, store.clock.now()) }
    },

    async listTenantKeys({ tenantId, query: { before, limit } }) {
      const shown = limit === undefined ? limits.defaultListedPerPage : Number(limit)
      const versions = await store.tenantKeys.listNewest(tenantId, {
        before: before === undefined ? undefined : Number(before),
        // One more than asked for tells whether there is another page.
        limit: shown + 1,
      })
      const tenantKeys = versions.slice(0, shown).map((version) => tenantKeyWire(tenantId, version))
      const last = versions.length > shown ? tenantKeys.at(-1) : undefined
      const next = last === undefined ? {} : { next: String(last.version) }
      return { status: 200, body: { tenantKeys, ...next } }
    },

    listSigningKeys: () => ({ status: 200, body: signingKeys() }),
  }
}

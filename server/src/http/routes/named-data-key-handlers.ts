// The routes of a tenant's named data keys.
import { limits, type DataKeyInformation } from '@keyhold/contract'
import type { DataKeyChangeParts } from '../../data/data-key-change.ts'
import { listDataKeys } from '../../data/list-data-keys.ts'
import { rotateDataKey } from '../../data/rotate-data-key.ts'
import { setMinimumVersion } from '../../data/set-minimum-version.ts'
import type { DataKeyRow } from '../../store/cipherkeys/data-keys.ts'
import { actorOf } from '../wire/actor-of.ts'
import { wireMilliseconds } from '../wire/wire-time.ts'
import type { Handlers } from '../server/handler.ts'

export function namedDataKeyHandlers(
  parts: DataKeyChangeParts & {
    /** Has a minimum version written outside of the database before it is answered: an older database must not lower it. */
    keepFence: (tenantId: string) => Promise<void>
  },
): Pick<Handlers, 'listDataKeys' | 'rotateDataKey' | 'setMinimumVersion'> {
  return {
    async listDataKeys({ tenantId, query: { after, limit } }) {
      const page = await listDataKeys(parts.store, tenantId, {
        after,
        limit: limit === undefined ? limits.defaultDataKeysPerPage : Number(limit),
      })
      const next = page.after === undefined ? {} : { next: page.after }
      return { status: 200, body: { dataKeys: page.dataKeys.map(dataKeyWire), ...next } }
    },

    async rotateDataKey(call) {
      const { tenantId, params } = call
      const rotated = await rotateDataKey(parts, tenantId, params.keyName, actorOf(call))
      return { status: 200, body: dataKeyWire(rotated) }
    },

    async setMinimumVersion(call) {
      const { tenantId, params, body } = call
      const asked = { keyName: params.keyName, minimumVersion: body.minimumVersion }
      const changed = await setMinimumVersion(parts, tenantId, asked, actorOf(call))
      await parts.keepFence(tenantId)
      return { status: 200, body: dataKeyWire(changed) }
    },
  }
}

function dataKeyWire({
  keyName,
  dataKeyId,
  minimumVersion,
  isTampered,
  destroyAt,
  versions,
}: DataKeyRow): DataKeyInformation {
  return {
    keyName,
    dataKeyId,
    activeVersion: versions[0]?.version ?? 0,
    minimumVersion,
    ...(isTampered === true && { tampered: true as const }),
    ...(destroyAt !== undefined && { destroyAt: destroyAt.toISOString() }),
    versions: versions.map(({ version, state, createdAt }) => ({
      version,
      state,
      createdAt: wireMilliseconds(createdAt),
    })),
  }
}

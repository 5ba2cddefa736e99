// Remembers which data keys the work on a long body has had, to ask for them once more before its answer is sent. That work
// may take longer than the margin before a destruction, and goes on while a tenant is locked.
import { isKeyholdError, KeyholdError } from '@keyhold/core'
import type { DataKeyPosition, KeysByName, RequestKeys } from '../../data/request-keys.ts'

export interface UsedKeys extends RequestKeys {
  /**
   * Looks for all keys that were found, as a new request would: in memory first.
   *
   * @throws KeyholdError of the tenant, as the routes do; `ERR_SERVER_BUSY` where one of the keys has ended, since the same
   * request sent again is answered by what holds now
   */
  confirm(): Promise<void>
}

export function createUsedKeys(keys: RequestKeys): UsedKeys {
  const used = new Map<string, DataKeyPosition>()

  function note(byName: KeysByName): KeysByName {
    for (const key of byName.values()) {
      if (!isKeyholdError(key))
        used.set(`${key.id}/${key.version}`, { dataKeyId: key.id, version: key.version })
    }
    return byName
  }

  return {
    actives: async (keyNames) => note(await keys.actives(keyNames)),
    named: async (headers) => note(await keys.named(headers)),
    keyNames: (dataKeyIds) => keys.keyNames(dataKeyIds),
    async confirm() {
      const now = await keys.named(used)
      for (const key of now.values())
        if (isKeyholdError(key)) throw new KeyholdError('ERR_SERVER_BUSY', { cause: key })
    },
  }
}

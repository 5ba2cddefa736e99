// The route of a key's health.
import { KeyholdError } from '@keyhold/core'
import { keyHealthOf } from '../health/key-health.ts'
import { getRegisteredKeyProvider } from '../operations/get-key-provider.ts'
import type { Store } from '../store/store.ts'
import type { Handlers } from './handler.ts'
import { keyHealthWire } from './wire/key-health-wire.ts'

export function healthHandlers({ store }: { store: Store }): Pick<Handlers, 'getKeyProviderHealth'> {
  return {
    async getKeyProviderHealth({ tenantId, params }) {
      const { keyArn, fingerprint } = await getRegisteredKeyProvider(store, tenantId, params.arnFingerPrint)
      const health = keyHealthOf(keyArn, await store.keyHealth.list(tenantId, fingerprint))
      // A row is written with the registration itself.
      if (health === undefined) throw new KeyholdError('ERR_KEY_PROVIDER_RECORD_INVALID')
      return { status: 200, body: keyHealthWire(health) }
    },
  }
}

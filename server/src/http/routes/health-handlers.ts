// The route of a key's health.
import { KeyholdError } from '@keyhold/core'
import { findNeededVersions } from '../../health/find-needed-versions.ts'
import { keyHealthOf } from '../../health/key-health.ts'
import { getRegisteredKeyProvider } from '../../providers/get-key-provider.ts'
import type { Store } from '../../store/store.ts'
import type { Handlers } from '../server/handler.ts'
import { keyAliasWire } from '../wire/key-alias-wire.ts'
import { keyHealthWire } from '../wire/key-health-wire.ts'

export interface HealthHandlerParts {
  store: Store
  /** How long it looks for what a tenant needs. */
  neededMs: number
}

export function healthHandlers({
  store,
  neededMs,
}: HealthHandlerParts): Pick<Handlers, 'getKeyProviderHealth'> {
  return {
    async getKeyProviderHealth({ tenantId, params }) {
      const { provider, rows, versions } = await store.readSnapshot(async (snapshot) => ({
        provider: await getRegisteredKeyProvider(snapshot, tenantId, params.arnFingerPrint),
        rows: await snapshot.keyHealth.list(tenantId, params.arnFingerPrint),
        versions: await snapshot.tenantKeys.list(tenantId),
      }))
      const health = keyHealthOf(provider.keyArn, rows)
      // A row is written with the registration itself.
      if (health === undefined) throw new KeyholdError('ERR_KEY_PROVIDER_RECORD_INVALID')
      const alias = keyAliasWire(provider)
      const ofKey = versions.filter(({ keyArn }) => keyArn === provider.keyArn)
      const needed = (await findNeededVersions(store, tenantId, ofKey, neededMs)).length > 0
      const body = { ...keyHealthWire(health, alias), needed, ...(alias !== undefined && { alias }) }
      return { status: 200, body }
    },
  }
}

// For a list of tenants, of each its current key, and the state of that. The rows are verified one by one, and a faulty one keeps no
// other tenant from being shown.
import { parseKeyArn } from '@keyhold/core'
import { sql } from 'kysely'
import type { RowMacs } from '../authentic/row-macs.ts'
import { columnsOfKind } from '../authentic/steering-kinds.ts'
import type { Database } from '../database.ts'

export interface TenantState {
  /** Undefined: the stored key provider is not as Keyhold wrote it. */
  currentKey: { fingerprint: string; name: string; isInternal: boolean } | undefined
  /** In the key's own region; undefined: it is the key of the internal KMS. */
  keyState: string | undefined
  isTampered: boolean
}

export function tenantStateQueries(db: Database, macs: RowMacs) {
  return {
    async list(tenantIds: readonly string[]): Promise<Map<string, TenantState>> {
      const ids = sql<string>`any(${tenantIds})`
      const fences = await db
        .selectFrom('tenants')
        .select(columnsOfKind('fence'))
        .where('id', '=', ids)
        .execute()
      const providers = await db
        .selectFrom('key_providers')
        .select([...columnsOfKind('keyProvider'), 'name'])
        .where('tenant_id', '=', ids)
        .where('is_current', '=', true)
        .execute()
      const health = await db
        .selectFrom('key_health')
        .select(columnsOfKind('keyHealth'))
        .where('tenant_id', '=', ids)
        .execute()
      const currents = new Map(providers.map((row) => [row.tenant_id, row]))
      const healthOf = Map.groupBy(health, (row) => `${row.tenant_id}/${row.fingerprint}`)

      return new Map(
        fences.map((fence): [string, TenantState] => {
          const provider = currents.get(fence.id)
          const isStated =
            fence.current_fingerprint === null || fence.current_fingerprint === provider?.fingerprint
          const isWhole =
            provider !== undefined &&
            isStated &&
            macs.faultOf('fence', fence) === undefined &&
            macs.faultOf('keyProvider', provider) === undefined
          if (!isWhole) return [fence.id, { currentKey: undefined, keyState: undefined, isTampered: true }]
          const { fingerprint, name, kms, key_arn: keyArn } = provider
          const currentKey = { fingerprint, name, isInternal: kms === 'internal' }
          if (currentKey.isInternal) return [fence.id, { currentKey, keyState: undefined, isTampered: false }]
          const { region } = parseKeyArn(keyArn)
          const own = healthOf.get(`${fence.id}/${fingerprint}`)?.find((row) => row.region === region)
          const isFaulty = own !== undefined && macs.faultOf('keyHealth', own) !== undefined
          return [
            fence.id,
            { currentKey, keyState: isFaulty ? 'tampered' : own?.state, isTampered: isFaulty },
          ]
        }),
      )
    },
  }
}

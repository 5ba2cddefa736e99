// A tenant with data keys under names, and somebody who writes to the database what he likes about them.
import type { DataKey, TenantKey } from '@keyhold/core'
import { alone } from '../../../testkit/src/database/alone.ts'
import { resign } from '../../../testkit/src/database/resign.ts'
import type { TestStores } from '../../../testkit/src/database/test-database.ts'
import { rewrapRecords } from '../../src/migration/engine/rewrap-records.ts'
import type { Store } from '../../src/store/store.ts'
import { createCountingKms, createKeyring, createTenant, moveToNewTenantKey } from './keyring-under-test.ts'

export const maxDataKeyAgeMs = 24 * 3_600_000
let tenants = 0

export interface NamedKeys {
  readonly kms: ReturnType<typeof createCountingKms>
  readonly tenantId: string
  readonly pay: DataKey
  readonly chat: DataKey
  readonly other: DataKey
  /** Keys in memory that begins empty. */
  cold(of?: Store): ReturnType<typeof createKeyring>
  openKey(version: number): Promise<TenantKey>
  /** Writes to the rows of cipherkeys, of this tenant alone. */
  change(changes: string, which?: string): Promise<void>
  /** "pay" and "chat" change places in what a column says. */
  exchange(): Promise<void>
  rows(): Promise<Record<string, unknown>[]>
  /** Another version is active and wraps everything, and the one before is kept for backups, as a rotation leaves them. */
  bringUnderNext(): Promise<void>
  /** Remembers all wraps, and answers the function that puts them back. */
  keepWraps(): Promise<() => Promise<void>>
}

/** @param format - of the tenant's first version: 1 as of a tenant from before format 2 */
export async function makeNamedKeys(database: TestStores, format: 1 | 2): Promise<NamedKeys> {
  const { db, store } = database
  const query = (statement: string) => database.query(statement)
  const kms = createCountingKms()
  const [own, next] = kms.arns
  const tenantId = await createTenant(store, kms, `named-${++tenants}`, own)
  const ofTenant = `tenant_id = '${tenantId}'`
  if (format === 1) {
    await query(`update keyhold.tenant_keys set format = null where ${ofTenant}`)
    await resign(db)
  }
  const cold = (of = store) => createKeyring(of, kms, { maxDataKeyAgeMs })
  const { dataKeys } = cold()
  const [pay, chat, other] = await Promise.all(
    ['pay', 'chat', 'other'].map((name) => dataKeys.getActive(tenantId, name)),
  )
  if (pay === undefined || chat === undefined || other === undefined) throw new Error('no data keys')

  // Two rows may not have one name at any moment, and cipherkeys come under the active version alone: not by an owner's will.
  const asOwner = (statement: string) =>
    query(`begin; set local session_replication_role = replica; ${statement}; commit`)

  async function openKey(version: number): Promise<TenantKey> {
    const held = await cold().tenantKeys.get(tenantId, version)
    if (held === undefined) throw new Error('no tenant key')
    return held.tenantKey
  }

  return {
    ...{ kms, tenantId, pay, chat, other, cold, openKey },
    async change(changes, which = 'true') {
      await asOwner(`update keyhold.cipherkeys set ${changes} where ${ofTenant} and ${which}`)
    },
    async exchange() {
      await asOwner(`
        create temporary table states on commit drop as
          select data_key_id, version, state from keyhold.cipherkeys where ${ofTenant} and state = 'active';
        update keyhold.cipherkeys set state = 'decrypt-only' where ${ofTenant};
        update keyhold.cipherkeys set key_name = case key_name when 'pay' then 'chat' else 'pay' end
          where ${ofTenant} and key_name in ('pay', 'chat');
        update keyhold.cipherkeys c set state = s.state from states s
          where ${ofTenant} and (c.data_key_id, c.version) = (s.data_key_id, s.version)`)
    },
    rows: () =>
      query(`select data_key_id as id, version, key_name as name, state, tenant_key_version as under, wrapped
        from keyhold.cipherkeys where ${ofTenant} order by data_key_id, version`),

    async bringUnderNext() {
      const version = await moveToNewTenantKey(store, kms, next, tenantId)
      const [source, target] = [await openKey(version - 1), await openKey(version)]
      const chunk = await store.cipherkeyChunks.next(tenantId, undefined, { limit: 100, notUnder: version })
      if (chunk === undefined) throw new Error('no cipherkeys')
      const { records, unreadable } = rewrapRecords({ records: chunk.records, sources: [source], target })
      const rewrapped = await store.cipherkeyChunks.rewrap(tenantId, version, records)
      if (unreadable.length > 0 || rewrapped !== chunk.rows) throw new Error('not all were rewrapped')
      await alone(store, tenantId).tenantKeys.retireOthers(tenantId, version, [], 30)
    },

    async keepWraps() {
      const kept = `public."${tenantId}"`
      await query(`create table ${kept} as select * from keyhold.cipherkeys where ${ofTenant}`)
      return async () => {
        await asOwner(`update keyhold.cipherkeys c set wrapped = k.wrapped, tenant_key_version = k.tenant_key_version
          from ${kept} k where c.${ofTenant} and (c.data_key_id, c.version) = (k.data_key_id, k.version)`)
      }
    },
  }
}

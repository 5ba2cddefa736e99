// Cipherkeys that are put into the database directly, with real wraps: through the API a million would take hours.
import {
  generateKey,
  keyCheckValue,
  wrapDataKey,
  type CipherkeyFacts,
  type DataKey,
  type TenantKey,
} from '@keyhold/core'
import { newId } from '../../../server/src/keyring/new-id.ts'
import type { Sql } from './sql.ts'

const rowsPerInsert = 5_000

export interface SeedOptions {
  /** Default: as Keyhold wraps. */
  wrap?: (tenantKey: TenantKey, dataKey: DataKey, facts: CipherkeyFacts) => Buffer
  /** Receives the key check value of each new data key. */
  onSeeded?: (dataKey: DataKey, checkValue: Buffer) => void
}

/** Adds `count` cipherkeys that `tenantKey` wraps, each of a data key of its own. */
export async function seedCipherkeys(
  sql: Sql,
  tenantKey: TenantKey,
  count: number,
  { wrap = wrapDataKey, onSeeded }: SeedOptions = {},
): Promise<void> {
  const { tenantId, version } = tenantKey
  const facts = { keyName: undefined, createdAtMs: Date.now() }
  for (let start = 0; start < count; start += rowsPerInsert) {
    const rows = Array.from({ length: Math.min(rowsPerInsert, count - start) }, () => {
      const dataKey = { tenantId, id: newId(new Date()), version: 1, key: generateKey() }
      const checkValue = keyCheckValue(dataKey)
      onSeeded?.(dataKey, checkValue)
      return { id: dataKey.id, wrapped: wrap(tenantKey, dataKey, facts), checkValue }
    })
    await sql(
      `insert into keyhold.cipherkeys
         (tenant_id, data_key_id, version, state, tenant_key_version, wrapped, key_check_value, created_at)
       select $1, r.id, 1, 'active', $2, r.wrapped, r.check_value, $6
       from unnest($3::uuid[], $4::bytea[], $5::bytea[]) as r (id, wrapped, check_value)`,
      [
        tenantId,
        version,
        rows.map(({ id }) => id),
        rows.map(({ wrapped }) => wrapped),
        rows.map(({ checkValue }) => checkValue),
        new Date(facts.createdAtMs),
      ],
    )
  }
}

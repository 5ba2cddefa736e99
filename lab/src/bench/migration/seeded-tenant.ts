// A tenant with so many cipherkeys, put into the database directly, with real wraps.
import { generateKey, keyCheckValue, type TenantKey } from '@keyhold/core'
import type { Client } from 'pg'
import { rowWraps, type WrapName } from './row-wraps.ts'
import { newId } from '../../../../server/src/keyring/new-id.ts'

const rowsPerInsert = 5_000

/** Adds cipherkeys that `tenantKey` wraps. */
export async function seedCipherkeys(
  client: Client,
  tenantKey: TenantKey,
  count: number,
  wraps: WrapName = 'keyhold',
): Promise<void> {
  for (let start = 0; start < count; start += rowsPerInsert) {
    const rows = Array.from({ length: Math.min(rowsPerInsert, count - start) }, () => {
      const dataKey = { tenantId: tenantKey.tenantId, id: newId(), version: 1, key: generateKey() }
      return {
        id: dataKey.id,
        wrapped: rowWraps[wraps].wrap(tenantKey, dataKey),
        kcv: keyCheckValue(dataKey),
      }
    })
    await client.query(
      `insert into keyhold.cipherkeys
         (tenant_id, data_key_id, version, state, tenant_key_version, wrapped, key_check_value)
       select $1, r.id, 1, 'active', $2, r.wrapped, r.kcv
       from unnest($3::uuid[], $4::bytea[], $5::bytea[]) as r (id, wrapped, kcv)`,
      [
        tenantKey.tenantId,
        tenantKey.version,
        rows.map(({ id }) => id),
        rows.map(({ wrapped }) => wrapped),
        rows.map(({ kcv }) => kcv),
      ],
    )
  }
}

/** A tenant that only the bare loop knows: two tenant key versions, whose keys are in memory alone. */
export async function insertBareTenant(client: Client): Promise<{ source: TenantKey; target: TenantKey }> {
  const tenantId = newId()
  const source = { tenantId, id: newId(), version: 1, key: generateKey() }
  const target = { tenantId, id: newId(), version: 2, key: generateKey() }
  await client.query(
    `insert into keyhold.tenants (id, name, active_tenant_key_version) values ($1, 'the bare loop', 1)`,
    [tenantId],
  )
  for (const [tenantKey, state] of [
    [source, 'active'],
    [target, 'pending'],
  ] as const) {
    await client.query(
      `insert into keyhold.tenant_keys (tenant_id, version, id, state, key_arn, wrapped, key_check_value)
       values ($1, $2, $3, $4, 'arn:of:the:bare:loop', '\\x00', $5)`,
      [tenantId, tenantKey.version, tenantKey.id, state, keyCheckValue(tenantKey)],
    )
  }
  return { source, target }
}

// A tenant that only the bare loop knows: two tenant key versions, whose keys are in memory alone.
import { generateKey, keyCheckValue, type TenantKey } from '@keyhold/core'
import type { Client } from 'pg'
import { newId } from '../../../../server/src/keyring/new-id.ts'

export async function insertBareTenant(client: Client): Promise<{ source: TenantKey; target: TenantKey }> {
  const tenantId = newId(new Date())
  const source = { tenantId, id: newId(new Date()), version: 1, format: 2, key: generateKey() } as const
  const target = { tenantId, id: newId(new Date()), version: 2, format: 2, key: generateKey() } as const
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

/** Closes the first version and opens the second: cipherkeys come under an open one alone. */
export async function openTarget(client: Client, tenantId: string): Promise<void> {
  for (const [state, version] of [
    ['decrypt-only', 1],
    ['active', 2],
  ] as const) {
    await client.query('update keyhold.tenant_keys set state = $3 where tenant_id = $1 and version = $2', [
      tenantId,
      version,
      state,
    ])
  }
}

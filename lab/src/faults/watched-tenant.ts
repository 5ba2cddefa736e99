// A tenant under attack, and what the oracle remembers of it: every data key by its check value, every acknowledged
// token by its plaintext.
import { createTenant, callApi, type Tenant } from '../../../testkit/src/bench-api.ts'
import { createCustomerKey } from '../../../testkit/src/customer-key.ts'
import { generateKey, keyCheckValue, wrapDataKey, type TenantKey } from '@keyhold/core'
import { newId } from '../../../server/src/keyring/new-id.ts'
import type { Cluster } from '../../../testkit/src/cluster/cluster.ts'

export interface WatchedTenant extends Tenant {
  /** The default one's fingerprint is the tenant's id. */
  fingerprints: string[]
  keyArns: Map<string, string>
  /** By `data key id/version`. */
  checkValues: Map<string, Buffer>
  tokens: { token: string; plaintext: string }[]
  keyNames: number
  /** Until when its key may be away, on the clock of `performance`. */
  revokedUntilMs: number
}

const rowsPerInsert = 5_000
export const providers = '/api/v1/encryption/keyproviders'

/** Makes a tenant with two keys of its own registered and `cipherkeys` data keys, all known to the oracle. */
export async function createWatchedTenant(
  cluster: Cluster,
  url: string,
  cipherkeys: number,
  openTenantKey: (tenantId: string, version: number) => Promise<TenantKey>,
): Promise<WatchedTenant> {
  const tenant = await createTenant(url, cluster.operatorToken)
  const watched: WatchedTenant = {
    ...tenant,
    fingerprints: [tenant.tenantId],
    keyArns: new Map(),
    checkValues: new Map(),
    tokens: [],
    keyNames: 0,
    revokedUntilMs: 0,
  }
  for (const name of ['first', 'second']) {
    const arn = await createCustomerKey(cluster.kms.url)
    const body = await callApi(url, tenant.adminToken, 'POST', providers, { name, arn })
    const { arnFingerPrint } = body as { arnFingerPrint: string }
    watched.fingerprints.push(arnFingerPrint)
    watched.keyArns.set(arnFingerPrint, arn)
  }
  const tenantKey = await openTenantKey(tenant.tenantId, 1)
  for (let start = 0; start < cipherkeys; start += rowsPerInsert) {
    await insertCipherkeys(cluster, watched, tenantKey, Math.min(rowsPerInsert, cipherkeys - start))
  }
  return watched
}

async function insertCipherkeys(
  cluster: Cluster,
  { tenantId, checkValues }: WatchedTenant,
  tenantKey: TenantKey,
  count: number,
): Promise<void> {
  const rows = Array.from({ length: count }, () => {
    const dataKey = { tenantId, id: newId(), version: 1, key: generateKey() }
    const value = keyCheckValue(dataKey)
    checkValues.set(`${dataKey.id}/1`, value)
    return { id: dataKey.id, wrapped: wrapDataKey(tenantKey, dataKey), value }
  })
  await cluster.sql(
    `insert into keyhold.cipherkeys
       (tenant_id, data_key_id, version, state, tenant_key_version, wrapped, key_check_value)
     select $1, r.id, 1, 'active', $2, r.wrapped, r.value
     from unnest($3::uuid[], $4::bytea[], $5::bytea[]) as r (id, wrapped, value)`,
    [
      tenantId,
      tenantKey.version,
      rows.map(({ id }) => id),
      rows.map(({ wrapped }) => wrapped),
      rows.map(({ value }) => value),
    ],
  )
}

// A tenant under attack, and what the oracle remembers of it: every data key by its check value, every acknowledged
// token by its plaintext.
import type { TenantKey } from '@keyhold/core'
import type { Cluster } from '../../../testkit/src/cluster/start-cluster.ts'
import { createCustomerKey } from '../../../testkit/src/customer/create-customer-key.ts'
import { createTenant, type Tenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { registerKey } from '../../../testkit/src/tenants/register-key.ts'
import { seedCipherkeys } from '../rows/seed-cipherkeys.ts'

export interface WatchedTenant extends Tenant {
  /** Of its key providers; that of the default one is the tenant's id. */
  fingerprints: string[]
  /** By `data key id/version`. */
  checkValues: Map<string, Buffer>
  tokens: { token: string; plaintext: string }[]
  /** How many key names it has used. */
  keyNames: number
  /** Until when its key may be away, on the clock of `performance`. */
  revokedUntilMs: number
}

const keysOfCustomer = 2
export const providers = '/api/v1/encryption/keyproviders'

/** Makes a tenant with two registered keys and `cipherkeys` data keys, all known to the oracle. */
export async function createWatchedTenant(
  { kms, operatorToken, sql }: Cluster,
  url: string,
  cipherkeys: number,
  openTenantKey: (tenantId: string, version: number) => Promise<TenantKey>,
): Promise<WatchedTenant> {
  const tenant = await createTenant(url, operatorToken)
  const { tenantId } = tenant
  const fingerprints = [tenantId]
  for (let key = 0; key < keysOfCustomer; key++)
    fingerprints.push(await registerKey(url, tenant, await createCustomerKey(kms.url)))
  const checkValues = new Map<string, Buffer>()
  await seedCipherkeys(sql, await openTenantKey(tenantId, 1), cipherkeys, {
    onSeeded({ id, version }, checkValue) {
      checkValues.set(`${id}/${version}`, checkValue)
    },
  })
  return { ...tenant, fingerprints, checkValues, tokens: [], keyNames: 0, revokedUntilMs: 0 }
}

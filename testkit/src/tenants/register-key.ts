// A customer's key as a key provider of a tenant.
import type { Tenant } from './create-tenant.ts'
import { openClient } from './open-client.ts'

/** Registers the key and answers its fingerprint. */
export async function registerKey(
  url: string,
  { adminToken }: Pick<Tenant, 'adminToken'>,
  arn: string,
): Promise<string> {
  const admin = openClient(url, adminToken)
  const { body } = await admin.call('createKeyProvider', { body: { name: 'a key', arn } })
  return body.arnFingerPrint
}

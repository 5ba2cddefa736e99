// The start of a migration to a key provider that is registered.
import type { Tenant } from './create-tenant.ts'
import { openClient } from './open-client.ts'

/** Starts it and answers its id. */
export async function startMigration(
  url: string,
  { adminToken }: Pick<Tenant, 'adminToken'>,
  arnFingerPrint: string,
): Promise<string> {
  const admin = openClient(url, adminToken)
  const { body } = await admin.call('migrateToKeyProvider', { params: { arnFingerPrint } })
  return body.id
}

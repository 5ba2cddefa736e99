// The start of a migration to a key provider that is registered.
import { createKeyholdClient } from '@keyhold/client'
import type { Tenant } from './create-tenant.ts'

/** Starts it and answers its id. */
export async function startMigration(
  url: string,
  { adminToken }: Pick<Tenant, 'adminToken'>,
  arnFingerPrint: string,
): Promise<string> {
  const admin = createKeyholdClient({ url, token: adminToken })
  const { body } = await admin.call('migrateToKeyProvider', { params: { arnFingerPrint } })
  return body.id
}

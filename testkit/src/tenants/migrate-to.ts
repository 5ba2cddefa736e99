// A whole migration, from the registration of the key to the end.
import type { Tenant } from './create-tenant.ts'
import { registerKey } from './register-key.ts'
import { startMigration } from './start-migration.ts'
import { waitForMigration } from './wait-for-migration.ts'

/** Registers the key, migrates the tenant to it, waits for the end, and answers the key's fingerprint. */
export async function migrateTo(
  url: string,
  tenant: Pick<Tenant, 'adminToken'>,
  arn: string,
): Promise<string> {
  const fingerprint = await registerKey(url, tenant, arn)
  await startMigration(url, tenant, fingerprint)
  await waitForMigration(url, tenant)
  return fingerprint
}

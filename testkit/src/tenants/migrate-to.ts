// A whole migration, from the registration of the key to the end.
import { createKeyholdClient } from '@keyhold/client'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Tenant } from './create-tenant.ts'
import { registerKey } from './register-key.ts'

const pollMs = 100

/** Registers the key, migrates the tenant to it, waits for the end, and answers the key's fingerprint. */
export async function migrateTo(
  url: string,
  tenant: Pick<Tenant, 'adminToken'>,
  arn: string,
): Promise<string> {
  const arnFingerPrint = await registerKey(url, tenant, arn)
  const admin = createKeyholdClient({ url, token: tenant.adminToken })
  await admin.call('migrateToKeyProvider', { params: { arnFingerPrint } })
  for (;;) {
    const { body } = await admin.call('getMigrationDetails')
    if (body.state === 'Completed') return arnFingerPrint
    await sleep(pollMs)
  }
}

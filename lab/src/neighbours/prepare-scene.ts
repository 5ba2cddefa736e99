// The tenants of the experiment: one that floods, with many cipherkeys and a migration that waits, and its neighbour.
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { readRootKeyFile } from '../../../server/src/kms/root-key-file.ts'
import { createCustomerKey } from '../../../testkit/src/customer/create-customer-key.ts'
import type { KeyholdProcess } from '../../../testkit/src/process/keyhold-process.ts'
import { createTenant } from '../../../testkit/src/tenants/create-tenant.ts'
import { openClient } from '../../../testkit/src/tenants/open-client.ts'
import { registerKey } from '../../../testkit/src/tenants/register-key.ts'
import { startMigration } from '../../../testkit/src/tenants/start-migration.ts'
import { openTenantKey } from '../rows/open-tenant-key.ts'
import { seedCipherkeys } from '../rows/seed-cipherkeys.ts'
import type { Sql } from '../rows/sql.ts'
import type { FloodScene, NeighbourScene } from './flood-scene.ts'

const pollMs = 200
const mostPolls = 600

export async function prepareScene(
  keyhold: KeyholdProcess,
  sql: Sql,
  { cipherkeys, requestsPerSecond }: { cipherkeys: number; requestsPerSecond: number },
): Promise<{ scene: FloodScene; neighbour: NeighbourScene }> {
  const { url, operatorToken, dataDir, kms } = keyhold
  const flooding = await createTenant(url, operatorToken)
  const { tenantId } = flooding
  const rootKey = await readRootKeyFile(path.join(dataDir, 'root-key'))
  await seedCipherkeys(sql, await openTenantKey({ sql, rootKey }, tenantId, 1), cipherkeys)
  // The migration sets this one aside, and waits until somebody accepts that.
  await sql(
    `update keyhold.cipherkeys set wrapped = set_byte(wrapped, 40, get_byte(wrapped, 40) # 1)
     where tenant_id = $1 and data_key_id = (select data_key_id from keyhold.cipherkeys where tenant_id = $1 limit 1)`,
    [tenantId],
  )
  await sql('analyze keyhold.cipherkeys')
  const fingerprint = await registerKey(url, flooding, await createCustomerKey(kms.url))
  const migrationId = await startMigration(url, flooding, fingerprint)
  await waitUntilItWaits(sql, migrationId)
  const operator = openClient(url, operatorToken)
  const { body: auditor } = await operator.call('createApiKey', { body: { role: 'auditor', tenantId } })
  const { adminToken, serviceToken } = await createTenant(url, operatorToken)
  return {
    scene: { url, ...flooding, auditorToken: auditor.key, fingerprint, migrationId },
    neighbour: { url, adminToken, serviceToken, requestsPerSecond },
  }
}

async function waitUntilItWaits(sql: Sql, migrationId: string): Promise<void> {
  for (let poll = 0; poll < mostPolls; poll++) {
    const [row] = await sql('select last_error::text as error from keyhold.key_jobs where id = $1', [
      migrationId,
    ])
    if (String(row?.error).includes('ERR_MIGRATION_FAILURES_OPEN')) return
    await sleep(pollMs)
  }
  throw new Error('the migration does not wait')
}

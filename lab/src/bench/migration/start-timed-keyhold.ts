// A whole server in this process, which measures when the copying of a migration begins and ends.
import type { TenantKey } from '@keyhold/core'
import { startLocalKms } from '@keyhold/local-kms'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import { readRootKeyFile } from '../../../../server/src/kms/root-key-file.ts'
import type { FailpointName } from '../../../../server/src/migration/engine/failpoint.ts'
import { createCustomerKey } from '../../../../testkit/src/customer/create-customer-key.ts'
import { embeddedConnection } from '../../../../testkit/src/process/embedded-connection.ts'
import { keyholdSettings } from '../../../../testkit/src/process/keyhold-settings.ts'
import { startQuietServer } from '../../../../testkit/src/server/start-quiet-server.ts'
import { createTenant, type Tenant } from '../../../../testkit/src/tenants/create-tenant.ts'
import { migrateTo } from '../../../../testkit/src/tenants/migrate-to.ts'
import { openTenantKey } from '../../rows/open-tenant-key.ts'
import { sqlOf, type Sql } from '../../rows/sql.ts'

export interface TimedKeyhold {
  readonly kmsUrl: string
  connection: pg.ClientConfig
  client: pg.Client
  /** Runs one statement over `client`. */
  sql: Sql
  createTenant(): Promise<{ tenant: Tenant; tenantKey: TenantKey }>
  /** How many KMS calls there were so far. */
  countKmsCalls(): number
  /** Migrates a tenant to a new key of its customer; answers how long copying took, from first chunk to last. */
  migrate(tenant: Tenant, listener?: CopyListener): Promise<number>
  stop(): Promise<void>
}

/** Is called when copying begins and ends. */
export interface CopyListener {
  begun(): void
  ended(): void
}

export async function startTimedKeyhold(): Promise<TimedKeyhold> {
  const folder = await mkdtemp(path.join(tmpdir(), 'keyhold-bench-'))
  const dataDir = path.join(folder, 'data')
  const kms = await startLocalKms()
  let copyStartMs = 0
  let copyEndMs = 0
  let copying: CopyListener | undefined
  // A clock at the failpoints, where tests break a migration.
  const clock = (name: FailpointName) => {
    if (name === 'migration.copy.before-chunk' && copyStartMs === 0) {
      copyStartMs = performance.now()
      copying?.begun()
    }
    if (name === 'migration.copy.after-commit') copyEndMs = performance.now()
    if (name === 'migration.copy.before-end') copying?.ended()
  }
  const settings = keyholdSettings({ dataDir, kmsUrl: kms.url })
  const server = await startQuietServer(settings, {
    adjust: (config) => ({ ...config, armFailpoints: () => clock }),
  })
  const operatorToken = await server.createOperatorKey('benchmark')
  const connection = embeddedConnection(dataDir)
  const client = new pg.Client(connection)
  await client.connect()
  const sql = sqlOf(client)
  const rootKey = await readRootKeyFile(path.join(dataDir, 'root-key'))

  return {
    kmsUrl: kms.url,
    countKmsCalls: () => kms.countCalls(),
    connection,
    client,
    sql,
    async createTenant() {
      const tenant = await createTenant(server.url, operatorToken)
      return { tenant, tenantKey: await openTenantKey({ sql, rootKey }, tenant.tenantId, 1) }
    },
    async migrate(tenant, listener) {
      copyStartMs = 0
      copying = listener
      await migrateTo(server.url, tenant, await createCustomerKey(kms.url))
      return copyEndMs - copyStartMs
    },
    async stop() {
      await client.end()
      await server.stop()
      await kms.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

// A whole server in this process, which tells when the copying of a migration began and ended.
import { startLocalKms } from '@keyhold/local-kms'
import { createLogger, startServer } from '@keyhold/server'
import { readFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import pg from 'pg'
import type { TenantKey } from '@keyhold/core'
import { readSettings } from '../../../../server/src/settings/read-settings.ts'
import { createInternalKms } from '../../../../server/src/kms/internal-kms.ts'
import { readRootKeyFile } from '../../../../server/src/kms/root-key-file.ts'
import { createTenant, migrateTo, type Tenant } from '../../../../testkit/src/bench-api.ts'
import { createCustomerKey, keyholdAccount } from '../../../../testkit/src/customer-key.ts'

export interface TimedKeyhold {
  readonly kmsUrl: string
  connection: pg.ClientConfig
  client: pg.Client
  createTenant(): Promise<{ tenant: Tenant; tenantKey: TenantKey }>
  /** KMS calls so far. */
  countKmsCalls(): number
  /** Migrates a tenant to a new key of its customer; answers how long copying took, from first chunk to last. */
  migrate(tenant: Tenant, listener?: CopyListener): Promise<number>
  stop(): Promise<void>
}

/** To be told when copying begins and ends. */
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
  const settings = readSettings({
    KEYHOLD_PORT: '0',
    KEYHOLD_DATA_DIR: dataDir,
    KEYHOLD_KMS_ENDPOINT: kms.url,
    KEYHOLD_KMS_ACCESS_KEY_ID: keyholdAccount,
    KEYHOLD_KMS_SECRET_ACCESS_KEY: 'test',
  })
  const server = await startServer(
    {
      ...settings,
      // Where tests break a migration, a clock can stand as well.
      armFailpoints: () => (name) => {
        if (name === 'migration.copy.before-chunk' && copyStartMs === 0) {
          copyStartMs = performance.now()
          copying?.begun()
        }
        if (name === 'migration.copy.after-commit') copyEndMs = performance.now()
        if (name === 'migration.copy.before-end') copying?.ended()
      },
    },
    createLogger('silent'),
  )
  const operatorToken = await server.createOperatorKey('benchmark')
  const connection = JSON.parse(
    await readFile(path.join(dataDir, 'postgres-connection.json'), 'utf8'),
  ) as pg.ClientConfig
  const client = new pg.Client(connection)
  await client.connect()
  const internalKms = createInternalKms(await readRootKeyFile(path.join(dataDir, 'root-key')))

  return {
    kmsUrl: kms.url,
    countKmsCalls: () => kms.countCalls(),
    connection,
    client,
    async createTenant() {
      const tenant = await createTenant(server.url, operatorToken)
      const { tenantId } = tenant
      const { rows } = await client.query<{ id: string; key_arn: string; wrapped: Buffer }>(
        'select id, key_arn, wrapped from keyhold.tenant_keys where tenant_id = $1 and version = 1',
        [tenantId],
      )
      const [row] = rows
      if (row === undefined) throw new Error('the tenant has no tenant key')
      const ref = { tenantId, id: row.id, version: 1 }
      const key = await internalKms.unwrapTenantKey(row.key_arn, row.wrapped, ref)
      return { tenant, tenantKey: { ...ref, key } }
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

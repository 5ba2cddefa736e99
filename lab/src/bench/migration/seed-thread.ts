// A worker thread that seeds a tenant: its memory goes when it ends, and is none of the server's in the same process.
import type { TenantKey } from '@keyhold/core'
import pg from 'pg'
import { workerData } from 'node:worker_threads'
import { seedCipherkeys } from './seeded-tenant.ts'

/** What the thread is started with. */
export interface SeedOrder {
  connection: pg.ClientConfig
  tenantKey: TenantKey
  cipherkeys: number
}

const { connection, tenantKey, cipherkeys } = workerData as SeedOrder
const client = new pg.Client(connection)
await client.connect()
await seedCipherkeys(client, tenantKey, cipherkeys)
await client.end()

// A worker thread that seeds a tenant. Its memory goes when it ends, so that it does not count as the server's, which runs
// in the same process.
import type { TenantKey } from '@keyhold/core'
import pg from 'pg'
import { workerData } from 'node:worker_threads'
import { seedCipherkeys } from './seed-cipherkeys.ts'
import { sqlOf } from './sql.ts'

/** The argument of the thread. */
export interface SeedOrder {
  connection: pg.ClientConfig
  tenantKey: TenantKey
  cipherkeys: number
}

const { connection, tenantKey, cipherkeys } = workerData as SeedOrder
const client = new pg.Client(connection)
await client.connect()
await seedCipherkeys(sqlOf(client), tenantKey, cipherkeys)
await client.end()

// Makes the data keys of a tenant older on a running server, for a tenant under the internal KMS.
import path from 'node:path'
import { openTenantKey } from '../../../server/src/keyring/open-tenant-key.ts'
import { createInternalKms } from '../../../server/src/kms/internal-kms.ts'
import { readRootKeyFile } from '../../../server/src/kms/root-key-file.ts'
import { openDatabaseClock } from '../../../server/src/store/database-clock.ts'
import { openDatabase } from '../../../server/src/store/database.ts'
import { createStore } from '../../../server/src/store/store.ts'
import { makeOlder } from '../database/make-older.ts'
import { openTestMacs } from '../database/test-macs.ts'
import type { TestServer } from './start-test-server.ts'

/** @param which - a condition on rows of cipherkeys; default: those that encrypt */
export async function makeKeysOlder(
  server: Pick<TestServer, 'dataDir' | 'databaseConnection' | 'query'>,
  tenantId: string,
  byMs: number,
  which = `state = 'active'`,
): Promise<void> {
  const options = { maxConnections: 1, applicationName: 'test', onError: () => undefined }
  const db = openDatabase(server.databaseConnection(), options)
  try {
    const rootKeyFile = path.join(server.dataDir, 'root-key')
    const macs = await openTestMacs(db, true, rootKeyFile)
    const store = createStore(db, await openDatabaseClock(db), { macs })
    const kms = createInternalKms(await readRootKeyFile(rootKeyFile))
    const fence = await store.tenants.findFence(tenantId)
    const tenantKey = await openTenantKey({ store, kms }, tenantId, fence?.activeTenantKeyVersion ?? 0)
    await makeOlder(server, tenantKey, byMs, which)
  } finally {
    await db.destroy()
  }
}

// Makes a database, whose rows a test has written by SQL, look as if Keyhold had written them.
import { resignInstallation, resignTenant } from '../../../server/src/store/authentic/resign-tenant.ts'
import type { RowMacs } from '../../../server/src/store/authentic/row-macs.ts'
import { openDatabase, type Database, type DatabaseConnection } from '../../../server/src/store/database.ts'
import { openTestMacs } from './test-macs.ts'

/**
 * Signs all rows of a database anew, but for the audit records.
 *
 * @param macs - of the server or the store that reads them; default: of test servers where one has started on the database,
 * and otherwise of the stores of tests
 */
export async function resign(db: Database, macs?: RowMacs): Promise<void> {
  const signer = macs ?? (await openTestMacs(db))
  await db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (transaction) => {
      for (const { id } of await transaction.selectFrom('tenants').select('id').orderBy('id').execute())
        await resignTenant(transaction, signer, id)
      await resignInstallation(transaction, signer)
    })
}

/**
 * The same over a connection of its own, as for the database of a test server.
 *
 * @param rootKeyFile - of the server, where it is not that of all test servers
 */
export async function resignDatabase(connection: DatabaseConnection, rootKeyFile?: string): Promise<void> {
  const db = openDatabase(connection, {
    maxConnections: 2,
    applicationName: 'test',
    onError: () => undefined,
  })
  try {
    await resign(db, await openTestMacs(db, true, rootKeyFile))
  } finally {
    await db.destroy()
  }
}

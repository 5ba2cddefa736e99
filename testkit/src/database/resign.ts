// Makes a database, whose rows a test has written by SQL, look as if Keyhold had written them.
import { sql } from 'kysely'
import {
  resignInstallation,
  resignTenant,
  signFence,
} from '../../../server/src/store/authentic/resign-tenant.ts'
import type { RowMacs } from '../../../server/src/store/authentic/row-macs.ts'
import { openDatabase, type Database, type DatabaseConnection } from '../../../server/src/store/database.ts'
import { signRows } from '../../../server/src/store/authentic/sign-rows.ts'
import { columnsOfKind } from '../../../server/src/store/authentic/steering-kinds.ts'
import { openTestMacs } from './test-macs.ts'

/**
 * Signs all rows of a database anew, but for the audit records.
 *
 * @param macs - of the server or the store that reads them; default: of test servers where one has started on the database,
 * and otherwise of the stores of tests
 */
export async function resign(db: Database, macs?: RowMacs): Promise<void> {
  await changeAndSign(db, macs ?? (await openTestMacs(db)), undefined)
}

async function changeAndSign(db: Database, signer: RowMacs, change: string | undefined): Promise<void> {
  await db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (transaction) => {
      if (change !== undefined) await sql.raw(change).execute(transaction)
      for (const { id } of await transaction.selectFrom('tenants').select('id').orderBy('id').execute())
        await resignTenant(transaction, signer, id)
      await resignInstallation(transaction, signer)
    })
}

/** The same for very many tenants that nobody uses yet, of whom only tenant keys and key providers were written. */
export async function resignMany(db: Database): Promise<void> {
  const macs = await openTestMacs(db)
  await db.transaction().execute(async (transaction) => {
    for (const kind of ['tenantKey', 'keyProvider'] as const)
      await signRows(transaction, macs, kind, sql`true`)
    const fences = await transaction.selectFrom('tenants').select(columnsOfKind('fence')).execute()
    for (const row of fences) await signFence(transaction, macs, row)
  })
}

/**
 * The same over a connection of its own, as for the database of a test server.
 *
 * @param rootKeyFile - of the server, where it is not that of all test servers
 */
export async function resignDatabase(connection: DatabaseConnection, rootKeyFile?: string): Promise<void> {
  await overOwnConnection(connection, async (db) => {
    await changeAndSign(db, await openTestMacs(db, true, rootKeyFile), undefined)
  })
}

/** Runs a statement without values, and signs in the same transaction: the server never meets rows without right MACs. */
export async function changeSigned(connection: DatabaseConnection, change: string): Promise<void> {
  await overOwnConnection(connection, async (db) => {
    await changeAndSign(db, await openTestMacs(db), change)
  })
}

async function overOwnConnection(
  connection: DatabaseConnection,
  work: (db: Database) => Promise<void>,
): Promise<void> {
  const db = openDatabase(connection, {
    maxConnections: 2,
    applicationName: 'test',
    onError: () => undefined,
  })
  try {
    await work(db)
  } finally {
    await db.destroy()
  }
}

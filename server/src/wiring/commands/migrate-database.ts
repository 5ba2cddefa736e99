// `keyhold-server migrate`: brings the schema up to date, apart from serving. It needs the role that owns the tables. With the
// name of another role it gives that one what a server needs, and no more: it may change rows, but no table.
import { sql, type RawBuilder } from 'kysely'
import { createJobQueue } from '../../jobs/job-queue.ts'
import { checkDatabaseSafety, type Database } from '../../store/database.ts'
import { migrateSchema, orOlderSchema } from '../../store/schema/migrate-schema.ts'
import { connectDatabaseOfRunningServer, type DatabaseSettings } from '../connect-database.ts'
import { createLogger } from '../create-logger.ts'

const schemas = ['keyhold', 'keyhold_jobs'] as const

/**
 * Answers the names of the schema migrations that it has run.
 *
 * @param serveRole - gets the rights of a server
 * @throws KeyholdError `ERR_SCHEMA_NEWER`, `ERR_SCHEMA_OLDER` where the role may not change the schema, `ERR_DATABASE_UNSAFE`
 */
export async function migrateDatabase(
  settings: DatabaseSettings,
  serveRole: string | undefined,
): Promise<string[]> {
  const logger = createLogger('silent')
  const { db, connection, close } = await connectDatabaseOfRunningServer(settings, logger)
  try {
    await checkDatabaseSafety(db)
    const queue = createJobQueue({ connection, onError: () => undefined })
    try {
      return await migrateSchema(db, async (ran) => {
        await orOlderSchema('the job queue', () => queue.createSchema())
        if (serveRole !== undefined) await grantServing(db, serveRole)
        return ran
      })
    } finally {
      await queue.stop()
    }
  } finally {
    await close()
  }
}

/** Also for what later migrations make. */
async function grantServing(db: Database, role: string): Promise<void> {
  const to = sql.id(role)
  await db.transaction().execute(async (transaction) => {
    const run = (statement: RawBuilder<unknown>) => statement.execute(transaction)
    for (const schema of schemas) {
      const of = sql.id(schema)
      await run(sql`grant usage on schema ${of} to ${to}`)
      await run(sql`grant select, insert, update, delete on all tables in schema ${of} to ${to}`)
      await run(sql`grant usage, select on all sequences in schema ${of} to ${to}`)
      await run(sql`grant execute on all functions in schema ${of} to ${to}`)
      await run(
        sql`alter default privileges in schema ${of} grant select, insert, update, delete on tables to ${to}`,
      )
      await run(sql`alter default privileges in schema ${of} grant usage, select on sequences to ${to}`)
    }
    // Who could write there could keep every replica from starting.
    await run(sql`revoke insert, update, delete on keyhold.schema_migrations from ${to}`)
  })
}

// `keyhold-server migrate`: brings the schema up to date, apart from serving. It needs the role that owns the tables. With the
// name of another role it gives that one what a server needs.
import { createJobQueue } from '../../jobs/job-queue.ts'
import { checkDatabaseSafety } from '../../store/database.ts'
import { migrateSchema, orOlderSchema } from '../../store/schema/migrate-schema.ts'
import { connectDatabaseOfRunningServer, type DatabaseSettings } from '../connect-database.ts'
import { createLogger } from '../create-logger.ts'
import { checkServeRole, grantServing } from './grant-serving.ts'

/**
 * Answers the names of the schema migrations that it has run.
 *
 * @param serveRole - gets the rights of a server
 * @throws KeyholdError `ERR_SCHEMA_NEWER`, `ERR_SCHEMA_OLDER` where the role may not change the schema, `ERR_DATABASE_UNSAFE`,
 * `ERR_CONFIG_INVALID` for a role that cannot be one that only serves
 */
export async function migrateDatabase(
  settings: DatabaseSettings,
  serveRole: string | undefined,
): Promise<string[]> {
  const logger = createLogger('silent')
  const { db, connection, close } = await connectDatabaseOfRunningServer(settings, logger)
  try {
    await checkDatabaseSafety(db)
    if (serveRole !== undefined) await checkServeRole(db, serveRole)
    const queue = createJobQueue({ connection, onError: () => undefined })
    try {
      return await migrateSchema(db, async (ran, held) => {
        await orOlderSchema('the job queue', () => queue.createSchema())
        if (serveRole !== undefined) await grantServing(held, serveRole)
        return ran
      })
    } finally {
      await queue.stop()
    }
  } finally {
    await close()
  }
}

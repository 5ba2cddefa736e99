// The work that must be done once per database. It runs under one lock, however many replicas start at the same moment.
import path from 'node:path'
import type { Logger } from 'pino'
import type { Settings } from '../settings/read-settings.ts'
import { createRootKeyFile, readRootKeyFile, rootKeyCheckValue, type RootKey } from '../kms/root-key-file.ts'
import { claimRootKey } from '../installation/claim-root-key.ts'
import { checkDatabaseSafety, type Database } from '../store/database.ts'
import { migrateSchema } from '../store/schema/migrate-schema.ts'
import type { Store } from '../store/store.ts'

/** The place of this replica's root key. */
export function rootKeyFile({ dataDir }: Pick<Settings, 'dataDir'>): string {
  return path.join(dataDir, 'root-key')
}

/**
 * Brings the schema up to date and answers the root key. Undefined: this replica is sealed.
 *
 * @param createJobSchema - creates the job queue's own schema
 * @throws KeyholdError `ERR_DATABASE_UNSAFE`, `ERR_DATABASE_UNSUPPORTED`, `ERR_SCHEMA_NEWER`, `ERR_ROOT_KEY_INVALID`
 */
export async function prepareDatabase(
  settings: Pick<Settings, 'dataDir'>,
  db: Database,
  store: Store,
  logger: Logger,
  createJobSchema: () => Promise<void>,
): Promise<RootKey | undefined> {
  await checkDatabaseSafety(db)
  let rootKey: RootKey | undefined
  await migrateSchema(db, async () => {
    await createJobSchema()
    rootKey = await claimRootKey(store, {
      read: () => readRootKeyFile(rootKeyFile(settings)),
      create: async () => {
        const rootKey = await createRootKeyFile(rootKeyFile(settings))
        logger.warn(
          { rootKeyFile: rootKeyFile(settings) },
          'root key created: back it up, apart from the database',
        )
        return rootKey
      },
      describe: (key) => ({ id: key.id, keyCheckValue: rootKeyCheckValue(key) }),
    })
  })
  if (rootKey === undefined) {
    logger.error(
      { rootKeyFile: rootKeyFile(settings) },
      'sealed: this replica does not have the root key of the database. Put the right root key file in place and start again.',
    )
  }
  return rootKey
}

// The work that must be done once per database. It runs under one lock, however many replicas start at the same moment.
import { KeyholdError, type ErrorCode } from '@keyhold/core'
import type { Logger } from 'pino'
import type { Settings } from '../settings/read-settings.ts'
import { createRootKeyFile } from '../kms/root-key-file.ts'
import { claimRootKey } from '../installation/claim-root-key.ts'
import { checkDatabaseSafety, type Database } from '../store/database.ts'
import { migrateSchema, orOlderSchema } from '../store/schema/migrate-schema.ts'
import type { Store } from '../store/store.ts'
import {
  macRing,
  rootKeyFile,
  rootKeyParts,
  sealedMessages,
  type ClaimedRootKey,
  type RootKeySettings,
} from './root-key/claimed-root-key.ts'

/**
 * Brings the schema up to date, opens the MACs of rows, and answers the root key. Undefined: this replica is sealed.
 *
 * @param createJobSchema - creates the job queue's own schema
 * @throws KeyholdError `ERR_DATABASE_UNSAFE`, `ERR_DATABASE_UNSUPPORTED`, `ERR_SCHEMA_NEWER`, `ERR_SCHEMA_OLDER`,
 * `ERR_ROOT_KEY_INVALID`; and `ERR_CONFIG_INVALID` for a new database where no root key is and none may be made
 */
export async function prepareDatabase(
  settings: RootKeySettings & Pick<Settings, 'mayCreateRootKey'>,
  db: Database,
  store: Store,
  logger: Logger,
  createJobSchema: () => Promise<void>,
): Promise<ClaimedRootKey | undefined> {
  await checkDatabaseSafety(db)
  const file = rootKeyFile(settings)
  const outcome = await migrateSchema(db, async () => {
    await orOlderSchema('the job queue', createJobSchema)
    return claimRootKey(store, {
      ...rootKeyParts(settings),
      create: async (installationId) => {
        if (!settings.mayCreateRootKey) throw missingRootKey(file)
        const rootKey = await createRootKeyFile(file, installationId)
        logger.warn({ rootKeyFile: file }, 'root key created: back it up, apart from the database')
        return rootKey
      },
      open: (rootKey, installationId) => {
        store.macs.open(macRing(rootKey, installationId))
      },
    })
  })
  if ('rootKey' in outcome) {
    if (!outcome.rootKey.requiresMacs) {
      logger.warn(
        { rootKeyFile: file },
        'the root key file does not require MACs: whoever can write to the database decides what steers Keyhold. Run "keyhold-server integrity adopt" once all replicas are of this version.',
      )
    }
    return { ...outcome.rootKey, installationId: outcome.installationId }
  }
  const { sealed, installationId } = outcome
  logger.error(
    {
      rootKeyFile: file,
      installationId,
      ...(sealed === 'other-installation' && { code: 'ERR_ROOT_KEY_INVALID' satisfies ErrorCode }),
    },
    `sealed: ${sealedMessages[sealed]}`,
  )
  return undefined
}

/** A root key that a server makes on a disk that does not last is lost with all tenants: a person makes it, and keeps it. */
function missingRootKey(file: string): KeyholdError {
  return new KeyholdError('ERR_CONFIG_INVALID', {
    message: `The database is new, and there is no root key in ${file}. For a new installation make one with "keyhold-server root-key create" and back it up; for another replica put a copy of the first one's file there, or say where it is with KEYHOLD_ROOT_KEY_FILE.`,
  })
}

// The work that must be done once per database. It runs under one lock, however many replicas start at the same moment.
import type { ErrorCode } from '@keyhold/core'
import path from 'node:path'
import type { Logger } from 'pino'
import type { Settings } from '../settings/read-settings.ts'
import {
  createRootKeyFile,
  readRootKeyFile,
  rootKeyCheckValue,
  type RootKeyRing,
} from '../kms/root-key-file.ts'
import { claimRootKey, type SealedReason } from '../installation/claim-root-key.ts'
import { checkDatabaseSafety, type Database } from '../store/database.ts'
import { migrateSchema } from '../store/schema/migrate-schema.ts'
import type { Store } from '../store/store.ts'

/** The root key of this installation, as it was claimed. */
export interface ClaimedRootKey extends RootKeyRing {
  installationId: string
}

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
): Promise<ClaimedRootKey | undefined> {
  await checkDatabaseSafety(db)
  const file = rootKeyFile(settings)
  const outcome = await migrateSchema(db, async () => {
    await createJobSchema()
    return claimRootKey<RootKeyRing>(store, {
      read: () => readRootKeyFile(file),
      create: async (installationId) => {
        const rootKey = await createRootKeyFile(file, installationId)
        logger.warn({ rootKeyFile: file }, 'root key created: back it up, apart from the database')
        return rootKey
      },
      describe: ({ id, key, installationId }) => ({
        id,
        keyCheckValue: rootKeyCheckValue({ id, key }),
        installationId,
      }),
    })
  })
  if ('rootKey' in outcome) return { ...outcome.rootKey, installationId: outcome.installationId }
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

const sealedMessages: Readonly<Record<SealedReason, string>> = {
  'no-root-key':
    'this replica does not have the root key of the database. Put the right root key file in place and start again.',
  'other-root-key':
    'this replica does not have the root key of the database, but another one. Put the right root key file in place and start again.',
  'other-installation':
    'the root key file names another installation than the database. Connect to the database that the file belongs to, or put the file of this installation in place, and start again. If the database has always been this one, its row of keyhold.installation was changed: put it back from a backup.',
  'claim-lost':
    'the database has tenants, but no longer says which root key is theirs. Put the row of keyhold.installation back from a backup and start again.',
}

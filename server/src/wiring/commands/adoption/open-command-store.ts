// The store of a command that works directly on the database, also beside a running server.
import { KeyholdError } from '@keyhold/core'
import { createRowMacs } from '../../../store/authentic/row-macs.ts'
import { openDatabaseClock } from '../../../store/database-clock.ts'
import { isMissingTable, type DatabaseConnection } from '../../../store/database.ts'
import { createStore, type Store } from '../../../store/store.ts'
import { connectDatabaseOfRunningServer } from '../../connect-database.ts'
import { createLogger } from '../../create-logger.ts'
import type { ClaimedRootKey } from '../../root-key/claimed-root-key.ts'
import { openRootKeyOfCommand } from '../../root-key/open-root-key-of-command.ts'
import type { CommandSettings } from '../command-settings.ts'

export interface CommandStore {
  store: Store
  rootKey: ClaimedRootKey
  connection: DatabaseConnection
}

/**
 * Runs the work of a command with the root key of its data directory.
 *
 * @throws KeyholdError `ERR_SEALED`, `ERR_ROOT_KEY_INVALID`, `ERR_DATABASE_UNAVAILABLE`
 */
export async function withCommandStore<Result>(
  settings: CommandSettings,
  work: (parts: CommandStore) => Promise<Result>,
): Promise<Result> {
  const { db, connection, close } = await connectDatabaseOfRunningServer(settings, createLogger('silent'))
  try {
    const store = createStore(db, await openDatabaseClock(db), { macs: createRowMacs() })
    const rootKey = await openRootKeyOfCommand(settings, store)
    return await work({ store, rootKey, connection })
  } catch (cause) {
    if (!isMissingTable(cause)) throw cause
    throw new KeyholdError('ERR_DATABASE_UNAVAILABLE', {
      message:
        'The database has no tables of this version of Keyhold yet: start the server once with "keyhold-server serve".',
      cause,
    })
  } finally {
    await close()
  }
}

// The store of a command that works directly on the database, also beside a running server.
import { KeyholdError } from '@keyhold/core'
import { createRowMacs } from '../../../store/authentic/row-macs.ts'
import { openDatabaseClock } from '../../../store/database-clock.ts'
import { isMissingTable, type DatabaseConnection } from '../../../store/database.ts'
import { createGenerations } from '../../../store/authentic/seen-generations.ts'
import { createStore, type Store } from '../../../store/store.ts'
import { connectDatabaseOfRunningServer } from '../../connect-database.ts'
import { loadGenerations } from '../../checkpoints/load-generations.ts'
import { otherStateDirs, stateDir } from '../../../settings/state-dir.ts'
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
 * Runs the work of a command with the root key of its data directory. It refuses what is older than the state folder knows, as a
 * replica does: whatever it wrote into an older row would give that one a newer generation.
 *
 * @param options - `refusesOlder` is false for the one command that decides about older rows
 * @throws KeyholdError `ERR_SEALED`, `ERR_ROOT_KEY_INVALID`, `ERR_DATABASE_UNAVAILABLE`, `ERR_QUARANTINED`,
 * `ERR_STATE_FILE_INVALID`
 */
export async function withCommandStore<Result>(
  settings: CommandSettings,
  work: (parts: CommandStore) => Promise<Result>,
  { refusesOlder = true } = {},
): Promise<Result> {
  const logger = createLogger('silent')
  const { db, connection, close } = await connectDatabaseOfRunningServer(settings, logger)
  try {
    const generations = createGenerations()
    const store = createStore(db, await openDatabaseClock(db), { macs: createRowMacs(), generations })
    const rootKey = await openRootKeyOfCommand(settings, store)
    if (refusesOlder) {
      const folders = { stateDir: stateDir(settings), otherStateDirs: otherStateDirs(settings) }
      const remembering = { store, generations, rootKey, ...folders }
      if ((await loadGenerations(remembering, logger)).isQuarantined) throw olderThanKnown()
    }
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

function olderThanKnown(): KeyholdError {
  return new KeyholdError('ERR_QUARANTINED', {
    message:
      'The database is older than what the state folder knows. Nothing was changed. Put the newer one back, or decide for this one with "keyhold-server confirm-restore" first.',
  })
}

// The command `create-operator-key` works directly on the database, also beside a running server.
import { KeyholdError } from '@keyhold/core'
import { connectDatabaseOfRunningServer } from '../connect-database.ts'
import { createLogger } from '../create-logger.ts'
import { createApiKey } from '../../access/create-api-key.ts'
import { commandActor } from '../../store/audits.ts'
import { openDatabaseClock } from '../../store/database-clock.ts'
import { isMissingTable } from '../../store/database.ts'
import { createRowMacs } from '../../store/authentic/row-macs.ts'
import { createStore } from '../../store/store.ts'
import { openRootKeyOfCommand } from '../root-key/open-root-key-of-command.ts'
import type { CommandSettings } from './command-settings.ts'

/** Creates an operator's API key and answers its token. */
export async function createOperatorKey(settings: CommandSettings, name: string): Promise<string> {
  const logger = createLogger('silent')
  const { db, close } = await connectDatabaseOfRunningServer(settings, logger)
  try {
    const store = createStore(db, await openDatabaseClock(db), { macs: createRowMacs() })
    await openRootKeyOfCommand(settings, store)
    const { token } = await createApiKey(store, { role: 'operator', tenantId: undefined, name }, commandActor)
    return token
  } catch (cause) {
    if (!isMissingTable(cause)) throw cause
    throw new KeyholdError('ERR_DATABASE_UNAVAILABLE', {
      message:
        'The database has no tables of Keyhold yet: start the server once with "keyhold-server serve".',
      cause,
    })
  } finally {
    await close()
  }
}

// The command `doctor --integrity` works directly on the database, also beside a running server. It changes nothing.
import { KeyholdError } from '@keyhold/core'
import { applicationName } from '../../driver/application-name.ts'
import { PinnedClient, pinnedConfig } from '../../driver/pinned-client.ts'
import { isMissingTable, type DatabaseConnection } from '../../store/database.ts'
import { findIntegrityFaults, type IntegrityFault } from '../../store/integrity-faults.ts'
import { faultLine } from './fault-line.ts'
import { connectDatabaseOfRunningServer, type DatabaseSettings } from '../connect-database.ts'
import { createLogger } from '../create-logger.ts'

/** Answers a line for each fault: its code, its table, its tenant, the row, what is wrong, and what to do. */
export async function examineIntegrity(settings: DatabaseSettings): Promise<string[]> {
  const { connection, close } = await connectDatabaseOfRunningServer(settings, createLogger('silent'))
  try {
    return (await findFaults(connection)).map(faultLine)
  } catch (cause) {
    if (!isMissingTable(cause)) throw cause
    throw new KeyholdError('ERR_DATABASE_UNAVAILABLE', {
      message:
        'The database has no tables of this version of Keyhold: start the server once with "keyhold-server serve".',
      cause,
    })
  } finally {
    await close()
  }
}

/** Looks for faults on a connection of its own: the pool has time limits that a large database would not keep to. */
export async function findFaults(connection: DatabaseConnection): Promise<IntegrityFault[]> {
  const client = new PinnedClient(pinnedConfig(connection, applicationName('command')))
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await findIntegrityFaults(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

// The command `doctor --integrity` works directly on the database, also beside a running server. It changes nothing.
import { isKeyholdError, KeyholdError } from '@keyhold/core'
import { applicationName } from '../../driver/application-name.ts'
import { PinnedClient, pinnedConfig } from '../../driver/pinned-client.ts'
import { createRowMacs } from '../../store/authentic/row-macs.ts'
import { openDatabaseClock } from '../../store/database-clock.ts'
import { isMissingTable, type DatabaseConnection } from '../../store/database.ts'
import { listVersionsOfFormat1, type VersionOfFormat1 } from '../../store/first-formats.ts'
import { findIntegrityFaults, type IntegrityFault } from '../../store/integrity-faults.ts'
import { createStore } from '../../store/store.ts'
import { otherStateDirs, stateDir } from '../../settings/state-dir.ts'
import { findRowFaults } from './adoption/find-row-faults.ts'
import { findOlderFaults } from './restore/find-older-faults.ts'
import { faultLine } from './fault-line.ts'
import { shown } from '../../driver/shown-text.ts'
import { connectDatabaseOfRunningServer } from '../connect-database.ts'
import { createLogger } from '../create-logger.ts'
import { openRootKeyOfCommand } from '../root-key/open-root-key-of-command.ts'
import type { CommandSettings } from './command-settings.ts'

export interface Examination {
  /** One for each fault: its code, its table, its tenant, the row, what is wrong, and what to do. */
  lines: string[]
  /** Things that were not looked at, or that are no faults yet. */
  notes: string[]
}

export async function examineIntegrity(settings: CommandSettings): Promise<Examination> {
  const { db, connection, close } = await connectDatabaseOfRunningServer(settings, createLogger('silent'))
  try {
    const faults = await findFaults(connection)
    const formats = formatNotes(await onOwnConnection(connection, listVersionsOfFormat1))
    const store = createStore(db, await openDatabaseClock(db), { macs: createRowMacs() })
    const opened = await openRootKeyOfCommand(settings, store).catch((error: unknown) => {
      if (isKeyholdError(error, 'ERR_SEALED')) return { sealed: error.message }
      throw error
    })
    if ('sealed' in opened) {
      const notes = [`The MACs of rows were not looked at. ${opened.sealed}`, ...formats]
      return { lines: faults.map(faultLine), notes }
    }
    const { faults: rowFaults, toAdopt } = await findRowFaults(store)
    const older = await findOlderFaults(store, opened, [stateDir(settings), ...otherStateDirs(settings)])
    const adoption = `${toAdopt} rows have no right MAC, which is not required yet: run "keyhold-server integrity adopt".`
    return {
      lines: [...faults, ...rowFaults, ...older].map(faultLine),
      notes: [...(toAdopt === 0 ? [] : [adoption]), ...formats],
    }
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

function formatNotes(versions: readonly VersionOfFormat1[]): string[] {
  if (versions.length === 0) return []
  const lines = versions.map(({ tenantId, version, isActive, cipherkeys, hasEnd }) => {
    const where = `tenant=${shown(tenantId)} tenant key version=${version}`
    const noEnd = hasEnd ? '' : ', and it has no end yet'
    return `${where}: ${cipherkeys} cipherkeys under format 1${isActive ? ', and new ones come under it' : noEnd}.`
  })
  return [
    ...lines,
    'Format 1 binds neither the name nor the time of a data key. Once MACs are required, a rotation of the tenant key brings its cipherkeys under format 2: run "keyhold-server integrity rotate".',
  ]
}

export function findFaults(connection: DatabaseConnection): Promise<IntegrityFault[]> {
  return onOwnConnection(connection, findIntegrityFaults)
}

/** The pool has time limits that a look through a large database would not keep to. */
async function onOwnConnection<Found>(
  connection: DatabaseConnection,
  look: (client: PinnedClient) => Promise<Found>,
): Promise<Found> {
  const client = new PinnedClient(pinnedConfig(connection, applicationName('command')))
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await look(client)
  } finally {
    await client.end().catch(() => undefined)
  }
}

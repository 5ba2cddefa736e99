// The settings of a command that works on the database with the root key, and beside the state folder of a replica.
import type { Settings } from '../../settings/read-settings.ts'
import type { DatabaseSettings } from '../connect-database.ts'
import type { RootKeySettings } from '../root-key/claimed-root-key.ts'

export type CommandSettings = DatabaseSettings & RootKeySettings & Pick<Settings, 'stateDir'>

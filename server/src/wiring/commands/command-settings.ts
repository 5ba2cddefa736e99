// The settings of a command that works on the database with the root key.
import type { DatabaseSettings } from '../connect-database.ts'
import type { RootKeySettings } from '../root-key/claimed-root-key.ts'

export type CommandSettings = DatabaseSettings & RootKeySettings

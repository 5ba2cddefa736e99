// The folder for what a replica keeps outside of the database.
import type { Settings } from './read-settings.ts'

export function stateDir({ stateDir, dataDir }: Pick<Settings, 'stateDir' | 'dataDir'>): string {
  return stateDir ?? `${dataDir}/state`
}

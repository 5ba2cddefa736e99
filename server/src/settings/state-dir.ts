// The folder for what a replica keeps outside of the database. Of several replicas on one machine the first one has the folder itself,
// as a single one does, and each other has a folder of its own in it: no file has two writers. What any of them keeps counts for all.
import { KeyholdError } from '@keyhold/core'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import type { Settings } from './read-settings.ts'

type StateSettings = Pick<Settings, 'stateDir' | 'dataDir'> & Partial<Pick<Settings, 'replica'>>

const folderOfReplica = /^replica-[1-9]\d*$/

/** Where this replica, or a command, writes. */
export function stateDir({ replica, ...settings }: StateSettings): string {
  const whole = wholeFolder(settings)
  return replica === undefined || replica.number === 1 ? whole : path.join(whole, `replica-${replica.number}`)
}

/**
 * The folders of all other replicas that run, or have run, on this machine. They are read, and never written by this one.
 *
 * @throws KeyholdError `ERR_STATE_FILE_INVALID`
 */
export function otherStateDirs(settings: StateSettings): string[] {
  const whole = wholeFolder(settings)
  const own = stateDir(settings)
  const folders = namesIn(whole)
    .filter((name) => folderOfReplica.test(name))
    .map((name) => path.join(whole, name))
  return [whole, ...folders].filter((folder) => folder !== own)
}

function wholeFolder({ stateDir, dataDir }: Pick<Settings, 'stateDir' | 'dataDir'>): string {
  return stateDir ?? `${dataDir}/state`
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).toSorted()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    // Whoever opens a file in it reports a file of that name.
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw new KeyholdError('ERR_STATE_FILE_INVALID', {
      message: `The state folder ${folder} cannot be listed: give this user the right to read it.`,
      cause,
    })
  }
}

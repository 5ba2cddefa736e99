// Files in the state folder are opened so that a link there leads to no other file: whoever may write to the folder could otherwise
// have Keyhold empty its own root key.
import { KeyholdError } from '@keyhold/core'
import { constants, open, rm, stat, type FileHandle } from 'node:fs/promises'

const forKeyholdAlone = 0o600
const writableByOthers = 0o002
const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants

/** A new file for Keyhold alone, in place of what a crash has left there. */
export async function createTemporary(file: string): Promise<FileHandle> {
  await rm(file, { force: true })
  return open(file, 'wx', forKeyholdAlone)
}

/** Makes the file if it is missing. Throws for a link. */
export async function openToAppend(file: string): Promise<FileHandle> {
  return open(file, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, forKeyholdAlone)
}

/** Cuts off the end of a file that is there. Throws for a link. */
export async function cutFile(file: string, bytes: number): Promise<void> {
  const handle = await open(file, O_WRONLY | O_NOFOLLOW)
  try {
    await handle.truncate(bytes)
  } finally {
    await handle.close()
  }
}

/**
 * A group may write to the folder, as in Kubernetes, and nobody else. It need not be there yet.
 *
 * @throws KeyholdError `ERR_STATE_FILE_INVALID`
 */
export async function refuseLooseFolder(stateDir: string): Promise<void> {
  const mode = await modeOf(stateDir)
  // On Windows it says nothing.
  if (process.platform === 'win32' || (mode & writableByOthers) === 0) return
  throw new KeyholdError('ERR_STATE_FILE_INVALID', {
    message: `Everybody may write to the state folder ${stateDir}, and could put other files there: take that right away ("chmod o-w"), or name a folder inside of it in KEYHOLD_STATE_DIR, which Keyhold makes for itself alone.`,
  })
}

async function modeOf(folder: string): Promise<number> {
  try {
    return (await stat(folder)).mode
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0
    throw error
  }
}

// A folder that a setting names.
import { KeyholdError } from '@keyhold/core'
import { promises } from 'node:fs'
import path from 'node:path'

/**
 * Makes it where it is missing, for its owner alone.
 *
 * @param setting - the variable that names it, or by which it comes about
 * @throws KeyholdError `ERR_CONFIG_INVALID`, which names the setting, where something else has its name or it may not be made
 */
export async function makeFolder(folder: string, setting: string): Promise<void> {
  try {
    await promises.mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
    const why =
      code === 'EEXIST' || code === 'ENOTDIR'
        ? 'a file has its name, or that of a folder above it'
        : `this user may not make it, or the disk does not let it (${code})`
    throw new KeyholdError('ERR_CONFIG_INVALID', {
      message: `The folder ${path.resolve(folder)} of ${setting} cannot be made: ${why}.`,
      cause,
    })
  }
}

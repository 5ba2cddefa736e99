// `keyhold-server root-key create`: the root key of a new installation, before there is a database. The server that first uses
// it claims its database for it.
import { KeyholdError } from '@keyhold/core'
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { createRootKeyFile } from '../../kms/root-key-file.ts'
import { makeFolder } from '../../settings/make-folder.ts'
import { rootKeyFile, type RootKeySettings } from '../root-key/claimed-root-key.ts'

export interface CreatedRootKey {
  file: string
  /** The name of the root key, which is no secret. */
  id: string
}

/**
 * Makes the file, readable for its owner alone. It is durable when this returns.
 *
 * @throws KeyholdError `ERR_CONFIG_INVALID` where there is a file already, which is left alone
 */
export async function createRootKey(settings: RootKeySettings): Promise<CreatedRootKey> {
  const file = path.resolve(rootKeyFile(settings))
  const setting = settings.rootKeyFile === undefined ? 'KEYHOLD_DATA_DIR' : 'KEYHOLD_ROOT_KEY_FILE'
  await makeFolder(path.dirname(file), setting)
  try {
    const { id } = await createRootKeyFile(file, randomUUID())
    return { file, id }
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
    throw new KeyholdError('ERR_CONFIG_INVALID', {
      message: `There is a file ${file} already, and it is left as it is: a root key that is in use must never be replaced.`,
      cause,
    })
  }
}

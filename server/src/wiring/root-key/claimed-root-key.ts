// This replica's root key: its place, what it claims, and why a replica is sealed.
import { KeyholdError } from '@keyhold/core'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import type { RootKeyParts, SealedReason } from '../../installation/claim-root-key.ts'
import { readRootKeyFile, rootKeyCheckValue, type RootKeyRing } from '../../kms/root-key-file.ts'
import { looseModeOf } from '../../settings/loose-mode.ts'
import type { Settings } from '../../settings/read-settings.ts'
import type { MacRing } from '../../store/authentic/row-macs.ts'

/** The settings that say where the root key is. */
export type RootKeySettings = Pick<Settings, 'dataDir' | 'rootKeyFile'>

/** The root key of this installation, as it was claimed. */
export interface ClaimedRootKey extends RootKeyRing {
  installationId: string
}

/** The place of this replica's root key. */
export function rootKeyFile({ dataDir, rootKeyFile: file }: RootKeySettings): string {
  return file ?? path.join(dataDir, 'root-key')
}

export function rootKeyParts(settings: RootKeySettings): RootKeyParts<RootKeyRing> {
  return {
    async read() {
      const file = rootKeyFile(settings)
      await refuseLooseMode(file)
      return readRootKeyFile(file)
    },
    describe: ({ id, key, installationId }) => ({
      id,
      keyCheckValue: rootKeyCheckValue({ id, key }),
      installationId,
    }),
  }
}

/** @throws KeyholdError `ERR_ROOT_KEY_INVALID` where others may use the file: it opens everything */
async function refuseLooseMode(file: string): Promise<void> {
  const stats = await stat(file).catch(() => undefined)
  const loose = stats && looseModeOf(stats.mode)
  if (loose === undefined) return
  throw new KeyholdError('ERR_ROOT_KEY_INVALID', {
    message: `The root key file ${file} ${loose}. KEYHOLD_ROOT_KEY_FILE or KEYHOLD_DATA_DIR says where it is.`,
  })
}

/** @param installationId - of the database: a file of form 1 does not name it */
export function macRing({ id, key, requiresMacs }: RootKeyRing, installationId: string): MacRing {
  return { rootKeyId: id, rootKey: key, installationId, requiresMacs }
}

export const sealedMessages: Readonly<Record<SealedReason, string>> = {
  'no-root-key':
    'this replica does not have the root key of the database. Put the right root key file in place and start again.',
  'other-root-key':
    'this replica does not have the root key of the database, but another one. Put the right root key file in place and start again.',
  'other-installation':
    'the root key file names another installation than the database. Connect to the database that the file belongs to, or put the file of this installation in place, and start again. If the database has always been this one, its row of keyhold.installation was changed: put it back from a backup.',
  'claim-lost':
    'the database has tenants, but no longer says which root key is theirs. Put the row of keyhold.installation back from a backup and start again.',
}

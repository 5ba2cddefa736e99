// The root key for a command that works on the database beside a server.
import { KeyholdError } from '@keyhold/core'
import { findRootKey } from '../../installation/claim-root-key.ts'
import type { Store } from '../../store/store.ts'
import {
  macRing,
  rootKeyFile,
  rootKeyParts,
  sealedMessages,
  type ClaimedRootKey,
  type RootKeySettings,
} from './claimed-root-key.ts'

/**
 * Opens the MACs of a command, which makes no root key, and answers the root key.
 *
 * @throws KeyholdError `ERR_SEALED`, `ERR_ROOT_KEY_INVALID`, `ERR_DATABASE_UNAVAILABLE`
 */
export async function openRootKeyOfCommand(settings: RootKeySettings, store: Store): Promise<ClaimedRootKey> {
  const outcome = await findRootKey(store, rootKeyParts(settings))
  if (outcome === undefined) {
    throw new KeyholdError('ERR_DATABASE_UNAVAILABLE', {
      message:
        'The database has no root key of Keyhold yet: start the server once with "keyhold-server serve".',
    })
  }
  if ('sealed' in outcome) {
    throw new KeyholdError('ERR_SEALED', {
      message: `The command needs the root key, in ${rootKeyFile(settings)}: ${sealedMessages[outcome.sealed]}`,
    })
  }
  const { rootKey, installationId } = outcome
  store.macs.open(macRing(rootKey, installationId))
  return { ...rootKey, installationId }
}

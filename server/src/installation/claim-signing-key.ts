// Claims the key that signs for this installation: the first one that a replica stores. A second one is never made: what the
// first one signed could not be checked any more, or, worse, by a key that somebody wanted to be made.
import { KeyholdError } from '@keyhold/core'
import type { StoredSigningKey } from '../store/installation.ts'
import type { Store } from '../store/store.ts'

/**
 * Answers the installation's signing key. If there never was one, it stores the one that `create` makes.
 *
 * @param isKnown - whether this replica has seen one
 * @throws KeyholdError `ERR_SIGNING_KEY_MISSING`
 */
export async function claimSigningKey(
  { installation, transaction }: Pick<Store, 'installation' | 'transaction'>,
  isKnown: boolean,
  create: () => StoredSigningKey,
): Promise<StoredSigningKey> {
  const present = await installation.findSigningKey()
  if (present !== undefined) return present
  if (isKnown || (await installation.wasUsed())) {
    throw new KeyholdError('ERR_SIGNING_KEY_MISSING', {
      message:
        'The database has lost the signing key of this installation: put the row of keyhold.installation back from a backup.',
    })
  }
  const made = create()
  return transaction((store) => store.installation.insertSigningKey(made))
}

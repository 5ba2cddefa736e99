// Claims the key that signs for this installation: the first one that a replica stores.
import type { StoredSigningKey } from '../store/installation.ts'
import type { Store } from '../store/store.ts'

/** Answers the installation's signing key. If there is none, it stores the one that `create` makes. */
export async function claimSigningKey(
  { installation }: Store,
  create: () => StoredSigningKey,
): Promise<StoredSigningKey> {
  const present = await installation.findSigningKey()
  if (present !== undefined) return present
  await installation.insertSigningKey(create())
  const winner = await installation.findSigningKey()
  if (winner === undefined) throw new TypeError('the installation has no row')
  return winner
}

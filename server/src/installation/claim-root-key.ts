// Claims the database for a root key. A root key is made only for a database that never had one; a replica with
// another root key, or none, stays sealed.
import { timingSafeEqual } from 'node:crypto'
import type { RootKeyClaim } from '../store/installation.ts'
import type { Store } from '../store/store.ts'

export interface ClaimableRootKey {
  id: string
  keyCheckValue: Buffer
}

/**
 * Finds this replica's root key, or makes it, and claims the database for it. Call it under the lock of schema
 * migrations, so that of many first starts only one makes a root key.
 *
 * @param read - reads the replica's root key file; undefined: there is none
 * @param create - makes root key and file, durably
 * @returns undefined when sealed
 */
export async function claimRootKey<RootKey>(
  store: Store,
  parts: {
    read: () => Promise<RootKey | undefined>
    create: () => Promise<RootKey>
    describe: (rootKey: RootKey) => ClaimableRootKey
  },
): Promise<RootKey | undefined> {
  const claimed = await store.installation.findRootKeyClaim()
  const present = await parts.read()
  if (claimed !== undefined) {
    return present !== undefined && isSame(parts.describe(present), claimed) ? present : undefined
  }
  // A database with tenants but without a claim has lost rows. No root key is made over existing data.
  if ((await store.tenants.list({ limit: 1 })).length > 0) return undefined
  const rootKey = present ?? (await parts.create())
  const { id, keyCheckValue } = parts.describe(rootKey)
  const winner = await store.installation.claimRootKey({ rootKeyId: id, keyCheckValue })
  return isSame({ id, keyCheckValue }, winner) ? rootKey : undefined
}

function isSame(rootKey: ClaimableRootKey, claim: RootKeyClaim): boolean {
  return rootKey.id === claim.rootKeyId && timingSafeEqual(rootKey.keyCheckValue, claim.keyCheckValue)
}

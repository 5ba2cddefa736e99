// Claims the database for a root key. A root key is made only for a database that never had one; a replica with
// another root key, or none, stays sealed. So does one whose root key file names another installation.
import { randomUUID, timingSafeEqual } from 'node:crypto'
import type { RootKeyClaim } from '../store/installation.ts'
import type { Store } from '../store/store.ts'

export interface ClaimableRootKey {
  id: string
  keyCheckValue: Buffer
  /** Undefined: its file does not name the installation. */
  installationId: string | undefined
}

/** Why a replica is sealed. */
export type SealedReason = 'no-root-key' | 'other-root-key' | 'other-installation' | 'claim-lost'

export type RootKeyOutcome<RootKey> =
  | { rootKey: RootKey; installationId: string }
  | { sealed: SealedReason; installationId: string | undefined }

export interface RootKeyParts<RootKey> {
  /** Reads the replica's root key file; undefined: there is none. */
  read: () => Promise<RootKey | undefined>
  describe: (rootKey: RootKey) => ClaimableRootKey
}

/** Finds this replica's root key in a database that is claimed. Undefined: no root key has claimed it. */
export async function findRootKey<RootKey>(
  store: Pick<Store, 'installation'>,
  { read, describe }: RootKeyParts<RootKey>,
): Promise<RootKeyOutcome<RootKey> | undefined> {
  const claimed = await store.installation.findRootKeyClaim()
  return claimed && compare(await read(), claimed, describe)
}

/**
 * Finds this replica's root key, or makes it, and claims the database for it. Call it under the lock of schema
 * migrations, so that of many first starts only one makes a root key.
 *
 * @param create - makes root key and file, durably
 * @param open - opens MACs of rows, before the claim is written
 */
export async function claimRootKey<RootKey>(
  store: Store,
  parts: RootKeyParts<RootKey> & {
    create: (installationId: string) => Promise<RootKey>
    open: (rootKey: RootKey, installationId: string) => void
  },
): Promise<RootKeyOutcome<RootKey>> {
  const { read, describe, create, open } = parts
  const found = await findRootKey(store, parts)
  if (found !== undefined) {
    if ('rootKey' in found) open(found.rootKey, found.installationId)
    return found
  }
  const present = await read()
  // A database with tenants but without a claim has lost rows. No root key is made over existing data.
  if ((await store.tenants.list({ limit: 1 })).length > 0) {
    return { sealed: 'claim-lost', installationId: undefined }
  }
  // A file that is there already may be that of a start that was killed here.
  const rootKey = present ?? (await create(randomUUID()))
  const { id, keyCheckValue, installationId = randomUUID() } = describe(rootKey)
  open(rootKey, installationId)
  const winner = await store.installation.claimRootKey({ installationId, rootKeyId: id, keyCheckValue })
  return compare(rootKey, winner, describe)
}

function compare<RootKey>(
  rootKey: RootKey | undefined,
  claim: RootKeyClaim,
  describe: (rootKey: RootKey) => ClaimableRootKey,
): RootKeyOutcome<RootKey> {
  const { installationId } = claim
  if (rootKey === undefined) return { sealed: 'no-root-key', installationId }
  const own = describe(rootKey)
  if (own.id !== claim.rootKeyId || !timingSafeEqual(own.keyCheckValue, claim.keyCheckValue)) {
    return { sealed: 'other-root-key', installationId }
  }
  return own.installationId === undefined || own.installationId === installationId
    ? { rootKey, installationId }
    : { sealed: 'other-installation', installationId }
}

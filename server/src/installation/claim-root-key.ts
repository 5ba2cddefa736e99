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
  { rootKey: RootKey; installationId: string } | { sealed: SealedReason; installationId: string | undefined }

/**
 * Finds this replica's root key, or makes it, and claims the database for it. Call it under the lock of schema
 * migrations, so that of many first starts only one makes a root key.
 *
 * @param read - reads the replica's root key file; undefined: there is none
 * @param create - makes root key and file, durably
 */
export async function claimRootKey<RootKey>(
  store: Store,
  parts: {
    read: () => Promise<RootKey | undefined>
    create: (installationId: string) => Promise<RootKey>
    describe: (rootKey: RootKey) => ClaimableRootKey
  },
): Promise<RootKeyOutcome<RootKey>> {
  const claimed = await store.installation.findRootKeyClaim()
  const present = await parts.read()
  if (claimed !== undefined) return compare(present, claimed, parts.describe)
  // A database with tenants but without a claim has lost rows. No root key is made over existing data.
  if ((await store.tenants.list({ limit: 1 })).length > 0) {
    return { sealed: 'claim-lost', installationId: undefined }
  }
  // A file that is there already may be that of a start that was killed here.
  const rootKey = present ?? (await parts.create(randomUUID()))
  const { id, keyCheckValue, installationId = randomUUID() } = parts.describe(rootKey)
  const winner = await store.installation.claimRootKey({ installationId, rootKeyId: id, keyCheckValue })
  return compare(rootKey, winner, parts.describe)
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

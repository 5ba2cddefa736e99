// The installation's signing key. A sealed replica signs nothing.
import { KeyholdError } from '@keyhold/core'
import type { RootKey } from '../kms/root-key-file.ts'
import { createSigningKey, openSigningKey, signJws } from '../kms/signing-key.ts'
import { claimSigningKey } from '../installation/claim-signing-key.ts'
import type { Store } from '../store/store.ts'

/** Signs JSON and answers a compact JWS (RFC 7515) with EdDSA (RFC 8037). Throws `ERR_SEALED`. */
export type Sign = (payload: Readonly<Record<string, unknown>>) => string

/** @param rootKey - undefined: this replica is sealed */
export async function openSigner(store: Store, rootKey: RootKey | undefined): Promise<Sign> {
  if (rootKey === undefined) {
    return () => {
      throw new KeyholdError('ERR_SEALED')
    }
  }
  const stored = await claimSigningKey(store, () => createSigningKey(rootKey))
  const signingKey = openSigningKey(rootKey, stored)
  return (payload) => signJws(signingKey, payload)
}

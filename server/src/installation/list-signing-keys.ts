// The public keys that check the signatures of reports.
import { createPublicKey } from 'node:crypto'
import type { Store } from '../store/store.ts'

/** A public key as in RFC 8037 section 2. */
export interface PublicSigningKey {
  id: string
  /** base64url of the 32 bytes. */
  x: string
}

export async function listSigningKeys({ installation }: Store): Promise<PublicSigningKey[]> {
  const stored = await installation.findSigningKey()
  if (stored === undefined) return []
  const { x } = createPublicKey({ key: stored.publicKey, type: 'spki', format: 'der' }).export({
    format: 'jwk',
  })
  if (x === undefined) throw new TypeError('the signing key is not on an Edwards curve')
  return [{ id: stored.id, x }]
}

// The public signing keys, as `GET signing-keys` serves them and as each replica keeps them in a file: a JWK set (RFC 7517).
import { xOf } from './signing-crypto.ts'
import type { KnownKey, SignedRotation, SigningKeyHistory } from './signing-key-history.ts'

/** A public Ed25519 key: RFC 8037 section 2, with the members of RFC 7517 section 4 that say what it is for. */
export interface PublicSigningKey {
  kty: 'OKP'
  crv: 'Ed25519'
  /** base64url of the 32 bytes. */
  x: string
  /** RFC 7638 thumbprint. */
  kid: string
  alg: 'EdDSA'
  use: 'sig'
  /** RFC 3339 in UTC. */
  validFrom: string
  /** Since then another key signs. Absent: this one does. */
  validTo?: string
}

export interface PublicSigningKeys {
  /** The oldest first, the one that signs last. None: this replica is sealed. */
  keys: PublicSigningKey[]
  /** Absent where the key was never replaced. */
  rotations?: SignedRotation[]
}

export function publicSigningKeys({ keys, rotations }: SigningKeyHistory): PublicSigningKeys {
  return { keys: keys.map(publicKey), ...(rotations.length > 0 && { rotations: [...rotations] }) }
}

function publicKey(key: KnownKey): PublicSigningKey {
  return {
    ...{ kty: 'OKP', crv: 'Ed25519', x: xOf(key), kid: key.id, alg: 'EdDSA', use: 'sig' },
    validFrom: key.validFrom.toISOString(),
    ...(key.validTo !== undefined && { validTo: key.validTo.toISOString() }),
  }
}

// The operations of the issuer's keys, which the KMS room has, as this room is given them.

export interface OpenedIssuerKey {
  /** RFC 7638 thumbprint, base64url. */
  id: string
  /** The public half, as a JWK set has it. */
  publicJwk: object
}

export interface WrappedKey {
  id: string
  privateKeyWrapped: Buffer
}

export interface IssuerCrypto<Key extends OpenedIssuerKey> {
  /** Makes a key, sealed by the root key. */
  create: () => Promise<WrappedKey>
  /** Throws `ERR_KEY_INTEGRITY` where the root key does not open it, or it is another key than its id says. */
  open: (stored: WrappedKey) => Key
}

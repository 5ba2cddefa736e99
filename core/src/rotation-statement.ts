// The words that both signing keys sign when one takes the place of the other: docs/formats.md. Who trusts one of them can so trust the
// other one, without asking a server or its database.

export const rotationStatementType = 'keyhold/signing-key-rotation/1'

export interface NamedSigningKey {
  /** RFC 7638 thumbprint. */
  kid: string
  /** base64url of the 32 bytes. */
  x: string
}

export interface RotationStatement {
  type: typeof rotationStatementType
  installationId: string
  /** Counts the rotations of the installation from 1. */
  number: number
  replaced: NamedSigningKey
  successor: NamedSigningKey
  /** RFC 3339 in UTC, by the clock of the database. */
  rotatedAt: string
}

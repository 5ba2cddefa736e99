// The words that both keys sign when one takes the place of the other. Who trusts one of them can so trust the other one, without
// asking a server or its database.
import { xOf, type VerifyingKey } from './signing-crypto.ts'

interface NamedKey {
  /** RFC 7638 thumbprint. */
  kid: string
  /** base64url of the 32 bytes. */
  x: string
}

/** The signed words. */
export interface RotationStatement {
  type: 'keyhold/signing-key-rotation/1'
  installationId: string
  /** Counts the rotations of the installation from 1. */
  number: number
  replaced: NamedKey
  successor: NamedKey
  /** RFC 3339 in UTC, by the clock of the database. */
  rotatedAt: string
}

export interface RotationFacts {
  installationId: string
  number: number
  replaced: VerifyingKey
  successor: VerifyingKey
  at: Date
}

export function rotationStatement({
  installationId,
  number,
  replaced,
  successor,
  at,
}: RotationFacts): RotationStatement {
  return {
    type: 'keyhold/signing-key-rotation/1',
    ...{ installationId, number, replaced: named(replaced), successor: named(successor) },
    rotatedAt: at.toISOString(),
  }
}

const named = (key: VerifyingKey): NamedKey => ({ kid: key.id, x: xOf(key) })

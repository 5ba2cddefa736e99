// Makes the words that both keys sign when one takes the place of the other.
import { rotationStatementType, type NamedSigningKey, type RotationStatement } from '@keyhold/core'
import { xOf, type VerifyingKey } from './signing-crypto.ts'

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
    type: rotationStatementType,
    ...{ installationId, number, replaced: named(replaced), successor: named(successor) },
    rotatedAt: at.toISOString(),
  }
}

const named = (key: VerifyingKey): NamedSigningKey => ({ kid: key.id, x: xOf(key) })

// The keys that verify what this installation has signed. The present one comes from its private half, which the root key opens.
// Each older one counts only as the key after it has signed that it does: no row of the database makes a key, whoever wrote it.
import { isDeepStrictEqual } from 'node:util'
import type { FormerSigningKey, StoredSigningKeys } from '../../store/signing-keys.ts'
import { rotationStatement } from './rotation-statement.ts'
import type { SigningCrypto, VerifyingKey } from './signing-crypto.ts'

export interface KnownKey extends VerifyingKey {
  validFrom: Date
  /** Undefined: it signs. */
  validTo: Date | undefined
}

/** Both halves of what was signed when a key was replaced. */
export interface SignedRotation {
  number: number
  /** By the key that was replaced. */
  statement: string
  /** By its successor. */
  counterstatement: string
}

export interface SigningKeyHistory {
  /** The oldest first, the one that signs last. */
  keys: KnownKey[]
  rotations: SignedRotation[]
  /** Whether it reaches back to the first key; else rows are missing, or are not as Keyhold wrote them. */
  isWhole: boolean
}

/** @param current - opened by the root key */
export function verifyHistory<Key extends VerifyingKey>(
  crypto: Pick<SigningCrypto<Key>, 'readPublicKey' | 'readJws'>,
  { id, publicKey }: Key,
  { installationId, createdAt, former, hasFaulty }: Omit<StoredSigningKeys, 'current'>,
): SigningKeyHistory {
  const rows = former.toReversed()
  const [newest] = rows
  const keys: KnownKey[] = [{ id, publicKey, validFrom: newest?.validTo ?? createdAt, validTo: undefined }]
  const rotations: SignedRotation[] = []
  let successor: VerifyingKey = { id, publicKey }
  let expected = newest?.number ?? 0
  for (const row of rows) {
    const key = crypto.readPublicKey(row.publicKey)
    if (key === undefined || row.number !== expected) break
    if (!isVouchedFor(crypto, installationId, row, key, successor)) break
    const { number, statement, counterstatement, validFrom, validTo } = row
    keys.unshift({ ...key, validFrom, validTo })
    rotations.unshift({ number, statement, counterstatement })
    successor = key
    expected -= 1
  }
  return { keys, rotations, isWhole: expected === 0 && !hasFaulty }
}

function isVouchedFor(
  { readJws }: Pick<SigningCrypto<VerifyingKey>, 'readJws'>,
  installationId: string,
  row: FormerSigningKey,
  key: VerifyingKey,
  successor: VerifyingKey,
): boolean {
  const { id, number, successorId, statement, counterstatement, validTo } = row
  const words = rotationStatement({ installationId, number, replaced: key, successor, at: validTo })
  return (
    id === key.id &&
    successorId === successor.id &&
    isDeepStrictEqual(readJws(successor, counterstatement), words) &&
    isDeepStrictEqual(readJws(key, statement), words)
  )
}

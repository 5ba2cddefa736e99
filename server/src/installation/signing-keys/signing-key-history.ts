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

/**
 * A key that was known stays known, whatever the database shows later: so far as the keys after it have signed that it was one.
 *
 * @param found - verified
 * @param before - whose keys nobody needs to have verified
 */
export function withEarlierKeys(
  crypto: Pick<SigningCrypto<VerifyingKey>, 'readPublicKey' | 'readJws'>,
  installationId: string,
  found: SigningKeyHistory,
  before: SigningKeyHistory | undefined,
): SigningKeyHistory {
  const [first, ...newer] = found.keys
  const at = before?.keys.findIndex(({ id }) => id === first?.id) ?? -1
  if (before === undefined || first === undefined) return found
  const keys: KnownKey[] = [first, ...newer]
  const rotations = [...found.rotations]
  let successor = first
  for (let index = at - 1; index >= 0; index--) {
    const [known, rotation] = [before.keys[index], before.rotations[index]]
    if (known?.validTo === undefined || rotation === undefined) break
    const { id, publicKey, validFrom, validTo } = known
    const key = crypto.readPublicKey(publicKey.export({ type: 'spki', format: 'der' }))
    const row = { id, validTo, successorId: successor.id, ...rotation }
    if (key === undefined || !isVouchedFor(crypto, installationId, row, key, successor)) break
    keys.splice(0, 1, { ...key, validFrom, validTo }, { ...successor, validFrom: validTo })
    rotations.unshift(rotation)
    successor = { ...key, validFrom, validTo }
  }
  const isWhole = rotations.length > found.rotations.length ? rotations[0]?.number === 1 : found.isWhole
  return { keys, rotations, isWhole }
}

function isVouchedFor(
  { readJws }: Pick<SigningCrypto<VerifyingKey>, 'readJws'>,
  installationId: string,
  row: Omit<FormerSigningKey, 'publicKey' | 'validFrom'>,
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

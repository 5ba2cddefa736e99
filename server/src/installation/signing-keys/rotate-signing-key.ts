// Replaces the key that signs, in one transaction: the new key, what both keys say of each other, the record, and the end of the old
// private half. It is done as a whole or not at all.
import { KeyholdError } from '@keyhold/core'
import type { Actor } from '../../store/audits.ts'
import { noOrigin } from '../../store/changes/change-queries.ts'
import type { FormerSigningKey } from '../../store/signing-keys.ts'
import type { Store } from '../../store/store.ts'
import { rotationStatement } from './rotation-statement.ts'
import type { SigningCrypto, VerifyingKey } from './signing-crypto.ts'
import { verifyHistory } from './signing-key-history.ts'

export interface RotationParts<Key extends VerifyingKey> {
  store: Pick<Store, 'transaction'>
  crypto: SigningCrypto<Key>
  /** For tests: after each step of the transaction. */
  onStep?: (step: 'held' | 'replaced' | 'recorded') => Promise<void>
}

/**
 * @param expectedId - the key that is to be replaced
 * @returns the key that is no longer used, as it is kept
 * @throws KeyholdError `ERR_SIGNING_KEY_ROTATION` where another one signs by now, or keys before it are missing;
 * `ERR_SIGNING_KEY_MISSING`, `ERR_KEY_INTEGRITY`, `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`
 */
export async function rotateSigningKey<Key extends VerifyingKey>(
  { store, crypto, onStep = () => Promise.resolve() }: RotationParts<Key>,
  expectedId: string,
  actor: Actor,
): Promise<FormerSigningKey> {
  return store.transaction(async (transaction) => {
    const held = await transaction.signingKeys.hold()
    const { current, former, installationId, createdAt, at: now } = held
    if (current?.id !== expectedId) {
      throw new KeyholdError('ERR_SIGNING_KEY_ROTATION', {
        message: `The signing key ${expectedId} was replaced meanwhile: now ${current?.id ?? 'none'} signs. Nothing was changed.`,
      })
    }
    await onStep('held')
    const old = crypto.open(current)
    if (!verifyHistory(crypto, old, held).isWhole) {
      throw new KeyholdError('ERR_SIGNING_KEY_ROTATION', {
        message:
          'Rows of former_signing_keys are missing, or are not as Keyhold wrote them: put them back from a backup first ("keyhold-server doctor --integrity"). Nothing was changed.',
      })
    }
    const made = crypto.create()
    const successor = crypto.open(made)
    const last = former.at(-1)
    const validFrom = last?.validTo ?? createdAt
    const at = new Date(Math.max(now.getTime(), validFrom.getTime() + 1))
    const number = (last?.number ?? 0) + 1
    const words = { ...rotationStatement({ installationId, number, replaced: old, successor, at }) }
    const replaced: FormerSigningKey = {
      ...{ number, id: old.id, publicKey: current.publicKey, validFrom, validTo: at },
      successorId: successor.id,
      statement: crypto.sign(old, words),
      counterstatement: crypto.sign(successor, words),
    }
    await transaction.signingKeys.replace(held, replaced, made)
    await onStep('replaced')
    const { statement, counterstatement } = replaced
    transaction.audit({
      ...{ tenantId: undefined, actor, action: 'signingkey.rotate', targetId: successor.id },
      details: { number: String(number), replaces: old.id, statement, counterstatement },
    })
    await transaction.changes.publish(noOrigin, { kind: 'signingKey' })
    await onStep('recorded')
    return replaced
  })
}

// Makes the keys of the issuer, one replica at a time: the first one, the next one in time, and a new one at once where the old ones
// may be in wrong hands.
import type { Actor } from '../../store/audits.ts'
import { noOrigin } from '../../store/changes/change-queries.ts'
import type { HeldIssuerKeys, StoredIssuerKey } from '../../store/issuer-keys.ts'
import type { Store, TransactionStore } from '../../store/store.ts'
import { systemActor } from '../../store/audits.ts'
import type { IssuerCrypto, OpenedIssuerKey, WrappedKey } from './issuer-crypto.ts'
import { endedAt, inOrder, nextSignsFrom, publishedBeforeMs } from './issuer-key-times.ts'

export interface MakeParts {
  store: Pick<Store, 'transaction' | 'issuerKeys'>
  crypto: Pick<IssuerCrypto<OpenedIssuerKey>, 'create'>
}

/**
 * Makes the key that is due, and deletes those that have ended. Answers whether anything was changed.
 *
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`
 */
export async function keepIssuerKeys({ store, crypto }: MakeParts): Promise<boolean> {
  const seen = await store.issuerKeys.list()
  // A first key would sign at once. Where the others were made unusable an operator decides.
  if (seen.keys.length === 0 && seen.hasFaulty) return false
  if (nextSignsFrom(seen.keys, seen.at) === undefined && endedAt(seen.keys, seen.at).length === 0)
    return false
  // It takes long, so nobody is held up by it. Where another replica was faster it is for nothing.
  const made = nextSignsFrom(seen.keys, seen.at) && (await crypto.create())
  return store.transaction(async (transaction) => {
    const held = await transaction.issuerKeys.hold()
    const ended = endedAt(held.keys, held.at).map(({ id }) => id)
    await transaction.issuerKeys.delete(ended)
    const signsFrom = nextSignsFrom(held.keys, held.at)
    const isMade = made !== undefined && signsFrom !== undefined
    if (isMade) await add(transaction, held, { made, signsFrom }, systemActor)
    if (isMade || ended.length > 0) await transaction.changes.publish(noOrigin, { kind: 'issuerKeys' })
    return isMade || ended.length > 0
  })
}

/**
 * Makes the next key before it is due, published for as long as any other before it signs. Where one waits already nothing is changed.
 *
 * @returns the next key
 */
export async function rotateIssuerKey({ store, crypto }: MakeParts, actor: Actor): Promise<StoredIssuerKey> {
  const made = await crypto.create()
  return store.transaction(async (transaction) => {
    const held = await transaction.issuerKeys.hold()
    const last = inOrder(held.keys).at(-1)
    if (last !== undefined && last.signsFrom > held.at) return last
    const signsFrom = last === undefined ? held.at : new Date(held.at.getTime() + publishedBeforeMs)
    const key = await add(transaction, held, { made, signsFrom }, actor)
    await transaction.changes.publish(noOrigin, { kind: 'issuerKeys' })
    return key
  })
}

/**
 * Makes a key that signs at once, and revokes all others: none of them is published or used any more, also where somebody puts its
 * row back. Until a customer's cloud fetches the keys anew, Keyhold cannot sign in there.
 *
 * @throws KeyholdError `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SEALED`, `ERR_REPLICAS_OLDER`
 */
export async function revokeIssuerKeys(
  { store, crypto }: MakeParts,
  actor: Actor,
): Promise<{ key: StoredIssuerKey; revoked: string[] }> {
  const made = await crypto.create()
  return store.transaction(async (transaction) => {
    await transaction.replicas.refuseOlder('knows_web_identity')
    const held = await transaction.issuerKeys.hold()
    // The database says what time it is. However early that were, what was revoked before stays so.
    const times = [held.revokedBefore, ...held.keys.map(({ createdAt }) => createdAt)]
    const newestMs = Math.max(0, ...times.map((time) => time?.getTime() ?? 0))
    const at = new Date(Math.max(held.at.getTime(), newestMs + 1))
    const revoked = held.keys.map(({ id }) => id)
    await transaction.issuerKeys.revoke(held, at)
    const key = { ...made, createdAt: at, signsFrom: at }
    await transaction.issuerKeys.insert(key)
    transaction.audit({
      ...{ tenantId: undefined, actor, action: 'issuerkey.revoke', targetId: key.id },
      details: { revokes: revoked.join(' ') },
    })
    await transaction.changes.publish(noOrigin, { kind: 'issuerKeys' })
    return { key, revoked }
  })
}

async function add(
  transaction: TransactionStore,
  { at, revokedBefore }: HeldIssuerKeys,
  { made, signsFrom }: { made: WrappedKey; signsFrom: Date },
  actor: Actor,
): Promise<StoredIssuerKey> {
  const createdAt = revokedBefore !== undefined && revokedBefore > at ? revokedBefore : at
  const key = { ...made, createdAt, signsFrom: signsFrom > createdAt ? signsFrom : createdAt }
  await transaction.issuerKeys.insert(key)
  transaction.audit({
    ...{ tenantId: undefined, actor, action: 'issuerkey.create', targetId: key.id },
    details: { signsFrom: key.signsFrom.toISOString() },
  })
  return key
}

// Whoever signs does it in a transaction that keeps the signing key from being replaced: what is signed after a rotation has ended
// is signed with the new key.
import type { TransactionStore } from '../store.ts'

/** Signs JSON and answers a compact JWS (RFC 7515) with EdDSA (RFC 8037). */
export type Sign = (payload: Readonly<Record<string, unknown>>) => string

/**
 * Answers what signs in this transaction. Call it after the fence and what stands under it are held, and before the head of a chain
 * of audit records.
 *
 * @throws KeyholdError `ERR_SEALED`, `ERR_RECORD_NOT_AUTHENTIC`, `ERR_SIGNING_KEY_MISSING`
 */
export type HoldSigner = (transaction: Pick<TransactionStore, 'signingKeys'>) => Promise<Sign>

// Decisions that need a look through all cipherkeys of a tenant. The look takes long, so it happens outside the fence.
// It stays true for as long as the epoch does: writers compare the epoch under the fence, and put cipherkeys under the
// active version alone.
import { KeyholdError } from '@keyhold/core'
import type { Fence } from '../store/fence/fence-row.ts'
import type { Store, TransactionStore } from '../store/store.ts'

// A look is in vain only if the tenant's active version changed meanwhile, or one of its keys was destroyed.
const maxRounds = 5

/**
 * Looks, takes the fence, and decides if the epoch is still the one from before the look. Otherwise it does both again.
 *
 * @param look - must see committed rows alone, each page of them later than the call
 * @param decide - runs in the transaction that has the fence; its work does not grow with the number of cipherkeys
 * @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_DATABASE_UNAVAILABLE` when the epoch moves in every round
 */
export async function decideUnderFence<Seen, Result>(
  store: Store,
  tenantId: string,
  look: () => Promise<Seen>,
  decide: (transaction: TransactionStore, seen: Seen, fence: Fence) => Promise<Result>,
): Promise<Result> {
  for (let round = 0; round < maxRounds; round++) {
    const before = await store.tenants.glanceAtFence(tenantId)
    if (before === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
    const seen = await look()
    const outcome = await store.withFence(tenantId, async (transaction, fence) => {
      if (fence?.epoch !== before.epoch) return undefined
      return { result: await decide(transaction, seen, fence) }
    })
    if (outcome !== undefined) return outcome.result
  }
  throw new KeyholdError('ERR_DATABASE_UNAVAILABLE', { message: 'The tenant changed too often: try again.' })
}

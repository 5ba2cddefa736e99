// The API keys of an older database: those that were revoked since stay revoked.
import { commandActor } from '../../../store/audits.ts'
import type { TransactionStore } from '../../../store/store.ts'

interface KnownApiKeys {
  apiKeyGeneration: number
  /** Those that held. */
  apiKeys: readonly string[]
}

/**
 * Brings the API keys of a scope, whose row the transaction has locked, to the generation `to`, and deletes those that do not
 * hold. Answers these.
 *
 * @param tenantId - undefined: those that are of no tenant
 * @param from - their generation in the older database
 * @param newest - undefined: nobody knows which ones hold, and so none does
 */
export async function restoreApiKeys(
  transaction: TransactionStore,
  tenantId: string | undefined,
  { from, to, newest }: { from: number; to: number; newest: KnownApiKeys | undefined },
): Promise<string[]> {
  const holding = new Set(newest?.apiKeys)
  // It rises with each revocation.
  const isNoneRevoked = newest?.apiKeyGeneration === from
  const dead = await transaction.apiKeys.restore(tenantId, {
    ...{ from, to },
    isRevoked: (id) => !isNoneRevoked && !holding.has(id),
  })
  for (const { id, role } of dead) {
    transaction.audit({
      tenantId,
      actor: commandActor,
      action: 'apikey.delete',
      targetId: id,
      details: { role },
    })
  }
  return dead.map(({ id }) => id)
}

// Notes when API keys were last used: from memory, once in a while, all keys of this replica in one statement.
import type { Store } from '../store/store.ts'
import type { HeldCallers } from './held-callers.ts'

/** Uses since the call before. Where the database is away they are lost: the next use of a key is noted instead. */
export async function noteUses(
  { apiKeyUses, clock }: Pick<Store, 'apiKeyUses' | 'clock'>,
  { takeUses }: Pick<HeldCallers, 'takeUses'>,
): Promise<void> {
  const nowMs = clock.now().getTime()
  const usedAt = Array.from(takeUses(), ([id, agoMs]) => [id, new Date(Math.floor(nowMs - agoMs))] as const)
  await apiKeyUses.note(new Map(usedAt))
}

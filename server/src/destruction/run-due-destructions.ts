// Runs the destructions that are due.
import { destroyDataKey } from './destroy-data-key.ts'
import { destroyTenant } from './destroy-tenant.ts'
import type { RunDestructionsParts } from './destruction-parts.ts'

// A replica runs at most this many, and for about this long, before the rest of its sweep.
const destructionsAtOnce = 10
const sliceMs = 5_000

/**
 * Runs the destructions that are due. All replicas may call it at once: one of them does each destruction. The deletion of a
 * large tenant goes on with the next calls.
 */
export async function runDueDestructions(parts: RunDestructionsParts): Promise<void> {
  const untilMs = performance.now() + sliceMs
  for (const due of await parts.store.destructions.listDue(destructionsAtOnce)) {
    if (parts.signal.aborted) return
    try {
      if (due.kind === 'tenant') {
        const done = await destroyTenant(parts, due, untilMs)
        if (done !== undefined) parts.onDestroyed(done)
      } else {
        const done = await destroyDataKey(parts, due)
        if (done === undefined) continue
        parts.onShredded(done)
        parts.onDestroyed(done)
      }
    } catch (error) {
      parts.onFailed(due.id, error)
    }
  }
}

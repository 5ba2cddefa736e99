// Runs the destructions that are due.
import type { RunEach } from '../event-loop/run-each.ts'
import type { DueDestruction } from '../store/destructions/destructions.ts'
import { destroyCipherkeys } from './destroy-cipherkeys.ts'
import { destroyDataKey } from './destroy-data-key.ts'
import { destroyTenant } from './destroy-tenant.ts'
import type { RunDestructionsParts } from './destruction-parts.ts'

// Destructions are read this many at a time.
const pageLength = 100
// The deletion of a tenant takes about this long of a sweep, and goes on with the next one.
const sliceMs = 5_000

/**
 * Runs the destructions that are due. All replicas may call it at once: one of them does each destruction. One that fails
 * stops none of the others. The deletion of a large tenant goes on with the next calls.
 */
export async function runDueDestructions(parts: RunDestructionsParts, runEach: RunEach): Promise<void> {
  const { store, onShredded, onDestroyed } = parts
  await runEach(
    (after: DueDestruction | undefined) => store.destructions.listDue(pageLength, after),
    ({ destruction }) => destruction.id,
    async ({ destruction: due }) => {
      if (due.kind === 'tenant') {
        const done = await destroyTenant(parts, due, performance.now() + sliceMs)
        if (done !== undefined) onDestroyed(done)
      } else {
        const destroy = due.kind === 'data-key' ? destroyDataKey : destroyCipherkeys
        const done = await destroy(parts, due)
        if (done === undefined) return
        onShredded(done)
        onDestroyed(done)
      }
    },
  )
}

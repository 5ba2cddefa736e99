// The routes of the kill switch.
import type { TenantLocks } from '../../health/tenant-locks.ts'
import { actorOf } from '../wire/actor-of.ts'
import type { Handlers } from '../server/handler.ts'

export function lockHandlers({
  locks,
  keepGuard,
}: {
  locks: Pick<TenantLocks, 'lock' | 'unlock'>
  /** Has the lock written outside of the database before it is answered: an older database must not lift it. */
  keepGuard: (tenantId: string) => Promise<void>
}): Pick<Handlers, 'lockTenant' | 'unlockTenant'> {
  return {
    async lockTenant(call) {
      const { tenantId } = call
      const { lockedAt, lockedBy } = await locks.lock(tenantId, actorOf(call))
      await keepGuard(tenantId)
      return { status: 200, body: { tenantId, locked: true, lockedAt: lockedAt.toISOString(), lockedBy } }
    },

    async unlockTenant(call) {
      const { tenantId } = call
      await locks.unlock(tenantId, actorOf(call))
      return { status: 200, body: { tenantId, locked: false } }
    },
  }
}

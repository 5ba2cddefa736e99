// The routes of the kill switch.
import type { TenantLocks } from '../health/tenant-locks.ts'
import type { Handlers } from './handler.ts'

export function lockHandlers({
  locks,
}: {
  locks: Pick<TenantLocks, 'lock' | 'unlock'>
}): Pick<Handlers, 'lockTenant' | 'unlockTenant'> {
  return {
    async lockTenant({ tenantId, caller }) {
      const { lockedAt, lockedBy } = await locks.lock(tenantId, caller.apiKeyId)
      return { status: 200, body: { tenantId, locked: true, lockedAt: lockedAt.toISOString(), lockedBy } }
    },

    async unlockTenant({ tenantId }) {
      await locks.unlock(tenantId)
      return { status: 200, body: { tenantId, locked: false } }
    },
  }
}

// The routes of the kill switch.
import type { TenantLock } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import type { TenantLocks } from '../../health/tenant-locks.ts'
import type { TenantLockRow } from '../../store/guards/guards.ts'
import type { Store } from '../../store/store.ts'
import { actorOf } from '../wire/actor-of.ts'
import type { Handlers } from '../server/handler.ts'

export function lockHandlers({
  locks,
  store,
  keepGuard,
}: {
  locks: Pick<TenantLocks, 'lock' | 'unlock'>
  store: Store
  /** Has the lock written outside of the database before it is answered: an older database must not lift it. */
  keepGuard: (tenantId: string) => Promise<void>
}): Pick<Handlers, 'lockTenant' | 'unlockTenant' | 'getTenantLock'> {
  return {
    async lockTenant(call) {
      const { tenantId } = call
      const lock = await locks.lock(tenantId, actorOf(call), call.body.reason)
      await keepGuard(tenantId)
      return { status: 200, body: tenantLockWire(tenantId, lock) }
    },

    async unlockTenant(call) {
      const { tenantId } = call
      await locks.unlock(tenantId, actorOf(call))
      return { status: 200, body: tenantLockWire(tenantId, undefined) }
    },

    async getTenantLock({ tenantId }) {
      return { status: 200, body: await store.readSnapshot((snapshot) => readLock(snapshot, tenantId)) }
    },
  }
}

/** @throws KeyholdError `ERR_TENANT_NOT_FOUND`, `ERR_RECORD_NOT_AUTHENTIC`: nobody knows whether it is locked */
export async function readLock(
  { guards, apiKeys }: Pick<Store, 'guards' | 'apiKeys'>,
  tenantId: string,
): Promise<TenantLock> {
  const guard = await guards.find(tenantId)
  if (guard === undefined) throw new KeyholdError('ERR_TENANT_NOT_FOUND')
  const { lock } = guard
  const names = lock === undefined ? undefined : await apiKeys.findNames([lock.lockedBy], tenantId)
  return tenantLockWire(tenantId, lock, names?.get(lock?.lockedBy ?? ''))
}

function tenantLockWire(tenantId: string, lock: TenantLockRow | undefined, name?: string): TenantLock {
  if (lock === undefined) return { tenantId, locked: false }
  const { lockedAt, lockedBy, reason } = lock
  return {
    ...{ tenantId, locked: true, lockedAt: lockedAt.toISOString(), lockedBy },
    ...(name !== undefined && name !== '' && { lockedByName: name }),
    ...(reason !== undefined && { reason }),
  }
}

// The kill switch on one replica: which tenants are locked. The replica knows within moments of the commit, or within two
// seconds if the notification is lost. A replica without the database keeps the locks it knew, and its keys run out by
// their TTL, since no new ones can be read.
import { createRefresher } from '../event-loop/refresher.ts'
import type { Actor } from '../store/audits.ts'
import type { Store } from '../store/store.ts'
import type { TenantLockRow } from '../store/tenant-locks.ts'

export interface TenantLocksOptions {
  store: Pick<Store, 'tenantLocks' | 'transaction'>
  /** Ends the keys that are held of a tenant. Called once for each lock. */
  onLock: (tenantId: string) => void
  /** Tells the other replicas to look at once. */
  announce: () => void
  /** Receives the error of a failed reading. The next one comes after `pollMs`. */
  onError: (error: unknown) => void
  /** The time between two readings. */
  pollMs: number
}

export interface TenantLocks {
  isLocked(tenantId: string): boolean
  /** Locks the tenant, on this replica before it answers. Throws `ERR_TENANT_NOT_FOUND`. */
  lock(tenantId: string, actor: Actor): Promise<TenantLockRow>
  unlock(tenantId: string, actor: Actor): Promise<void>
  /** Reads all locks now. Locks that were committed before the call are known when it answers. */
  refresh(): Promise<void>
  close(): void
}

/** Answers once the locks have been read for the first time. `onLock` is not called for those: no key is held yet. */
export async function openTenantLocks({
  store,
  onLock,
  announce,
  onError,
  pollMs,
}: TenantLocksOptions): Promise<TenantLocks> {
  let locked = await readAll()

  async function readAll(): Promise<ReadonlySet<string>> {
    return new Set((await store.tenantLocks.list()).map(({ tenantId }) => tenantId))
  }

  async function read(): Promise<void> {
    const now = await readAll()
    const before = locked
    locked = now
    for (const tenantId of locked) if (!before.has(tenantId)) onLock(tenantId)
  }

  const { refresh, close } = createRefresher(read, pollMs, onError)
  return {
    isLocked: (tenantId) => locked.has(tenantId),
    async lock(tenantId, actor) {
      const row = await store.transaction(async (transaction) => {
        const lock = await transaction.tenantLocks.lock(tenantId, actor.id)
        if (lock.isNew) transaction.audit({ tenantId, actor, action: 'tenant.lock', targetId: tenantId })
        return lock
      })
      announce()
      await refresh()
      return row
    },
    async unlock(tenantId, actor) {
      await store.transaction(async (transaction) => {
        if (await transaction.tenantLocks.unlock(tenantId))
          transaction.audit({ tenantId, actor, action: 'tenant.unlock', targetId: tenantId })
      })
      announce()
      await refresh()
    },
    refresh,
    close,
  }
}

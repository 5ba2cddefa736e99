// The kill switch on one replica: which tenants are locked. The replica knows within moments of the commit, or within two
// seconds if the notification is lost. With the locks it reads the guards of tenants whose keys it holds: the keys of one
// whose guard is missing, altered or an older one end like those of a locked one. A replica without the database keeps the locks it knew, and its keys run out by
// their TTL, since no new ones can be read.
import { createRefresher } from '../event-loop/refresher.ts'
import type { Actor } from '../store/audits.ts'
import type { Store } from '../store/store.ts'
import type { TenantLockRow } from '../store/guards/guards.ts'

export interface TenantLocksOptions {
  store: Pick<Store, 'guards' | 'transaction'>
  /** Ends the keys that are held of a tenant. */
  onLock: (tenantId: string) => void
  /** The tenants of which keys are held. */
  heldTenants: () => readonly string[]
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
  lock(tenantId: string, actor: Actor, reason?: string): Promise<TenantLockRow>
  /** Throws `ERR_TENANT_NOT_FOUND`, and `ERR_RECORD_NOT_AUTHENTIC` where its guard is faulty. */
  unlock(tenantId: string, actor: Actor): Promise<void>
  /** Reads all locks now. Locks that were committed before the call are known when it answers. */
  refresh(): Promise<void>
  close(): void
}

// One such reading takes some milliseconds.
const guardsAtOnce = 1_000

/** Answers once the locks have been read for the first time. `onLock` is not called for those: no key is held yet. */
export async function openTenantLocks({
  store,
  onLock,
  heldTenants,
  announce,
  onError,
  pollMs,
}: TenantLocksOptions): Promise<TenantLocks> {
  let locked: ReadonlySet<string> = new Set((await store.guards.listClosed([], new Set())).locked)
  let readings = 0

  /** In turn, where they are more than one reading takes. */
  function nextHeld(): readonly string[] {
    const held = heldTenants()
    const parts = Math.ceil(held.length / guardsAtOnce)
    const from = parts === 0 ? 0 : (readings++ % parts) * guardsAtOnce
    return held.slice(from, from + guardsAtOnce)
  }

  async function read(): Promise<void> {
    const closed = await store.guards.listClosed(nextHeld(), locked)
    const before = locked
    locked = new Set(closed.locked)
    for (const tenantId of locked) if (!before.has(tenantId)) onLock(tenantId)
    for (const tenantId of closed.faulty) onLock(tenantId)
  }

  const { refresh, close } = createRefresher(read, pollMs, onError)
  return {
    isLocked: (tenantId) => locked.has(tenantId),
    async lock(tenantId, actor, reason) {
      const row = await store.transaction(async (transaction) => {
        const lock = await transaction.guards.lock(tenantId, actor.id, reason)
        if (lock.isNew) {
          const details = reason === undefined ? {} : { reason }
          transaction.audit({ tenantId, actor, action: 'tenant.lock', targetId: tenantId, details })
        }
        return lock
      })
      announce()
      await refresh()
      return row
    },
    async unlock(tenantId, actor) {
      await store.transaction(async (transaction) => {
        if (await transaction.guards.unlock(tenantId))
          transaction.audit({ tenantId, actor, action: 'tenant.unlock', targetId: tenantId })
      })
      announce()
      await refresh()
    },
    refresh,
    close,
  }
}

// The kill switch on one replica: which tenants are locked, known within moments of the commit where the notification
// arrives, and within two seconds where it is lost. A replica that has lost the database keeps what it knew, and its
// keys run out by their TTL, since no new ones can be read.
import type { Actor } from '../store/audits.ts'
import type { Store } from '../store/store.ts'
import type { TenantLockRow } from '../store/tenant-locks.ts'

export interface TenantLocksOptions {
  store: Pick<Store, 'tenantLocks' | 'transaction'>
  /** Ends what is held of a tenant's keys; told once for each lock. */
  onLock: (tenantId: string) => void
  /** Tells the other replicas to look at once. */
  announce: () => void
  /** Told of failed readings: the next one is after `pollMs`. */
  onError: (error: unknown) => void
  /** Between two readings. */
  pollMs: number
}

export interface TenantLocks {
  isLocked(tenantId: string): boolean
  /** Locks the tenant, here before it answers. Throws `ERR_TENANT_NOT_FOUND`. */
  lock(tenantId: string, actor: Actor): Promise<TenantLockRow>
  unlock(tenantId: string, actor: Actor): Promise<void>
  /** Reads all locks now; what was committed before the call is known when it answers. */
  refresh(): Promise<void>
  close(): void
}

/** Answers once the locks have been read for the first time; of those `onLock` is not told, as nothing is held yet. */
export async function openTenantLocks({
  store,
  onLock,
  announce,
  onError,
  pollMs,
}: TenantLocksOptions): Promise<TenantLocks> {
  let locked = await readAll()
  let reading: Promise<void> | undefined
  let following: Promise<void> | undefined
  let isClosed = false

  async function readAll(): Promise<ReadonlySet<string>> {
    return new Set((await store.tenantLocks.list()).map(({ tenantId }) => tenantId))
  }

  async function read(): Promise<void> {
    const now = await readAll()
    const before = locked
    locked = now
    for (const tenantId of locked) if (!before.has(tenantId)) onLock(tenantId)
  }

  function readNow(): Promise<void> {
    reading = read().finally(() => (reading = undefined))
    return reading
  }

  function refresh(): Promise<void> {
    if (reading === undefined) return readNow()
    // The reading under way may have begun before what the caller wants to see was committed.
    following ??= reading
      .catch(() => undefined)
      .then(() => {
        following = undefined
        return readNow()
      })
    return following
  }

  let timer: NodeJS.Timeout | undefined
  function pollLater(): void {
    if (isClosed) return
    timer = setTimeout(() => {
      void refresh().catch(onError).finally(pollLater)
    }, pollMs)
    timer.unref()
  }

  pollLater()
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
    close() {
      isClosed = true
      clearTimeout(timer)
    },
  }
}

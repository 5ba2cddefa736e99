// How many leases of a tenant run at a time on this replica. A tenant that asks for more is refused, and its neighbours are
// not.
import { KeyholdError } from '@keyhold/core'

export interface LeaseQuota {
  /**
   * Gives a lease, which counts until its end, to the second, and for a second at least. Undefined: there was none to give.
   *
   * @throws KeyholdError `ERR_LEASE_QUOTA` when the tenant has no room for another one, and what `give` throws
   */
  within<Lease extends { remainingMs: number }>(
    tenantId: string,
    give: () => Promise<Lease | undefined>,
  ): Promise<Lease | undefined>
}

interface Running {
  /** Those that are being given, too. */
  leases: number
  /** How many end in which second. */
  ends: Map<number, number>
}

const secondMs = 1_000

/** @param clock - monotonic milliseconds */
export function createLeaseQuota(maxLeases: number, clock: () => number): LeaseQuota {
  const tenants = new Map<string, Running>()
  let forgottenSecond = 0

  function forgetEnded(tenantId: string, running: Running, nowSecond: number): void {
    for (const [second, leases] of running.ends) {
      if (second > nowSecond) continue
      running.leases -= leases
      running.ends.delete(second)
    }
    if (running.leases === 0) tenants.delete(tenantId)
  }

  // Tenants that ask no more are forgotten with the next lease of any tenant, once a second.
  function forgetAll(nowSecond: number): void {
    if (nowSecond === forgottenSecond) return
    forgottenSecond = nowSecond
    for (const [tenantId, running] of tenants) forgetEnded(tenantId, running, nowSecond)
  }

  function runningOf(tenantId: string): Running {
    const running = tenants.get(tenantId) ?? { leases: 0, ends: new Map() }
    tenants.set(tenantId, running)
    return running
  }

  function quotaExceeded(running: Running, nowSecond: number): KeyholdError {
    // None has an end while all of them are being given.
    const firstEnd = running.ends.size === 0 ? nowSecond : Math.min(...running.ends.keys())
    return new KeyholdError('ERR_LEASE_QUOTA', {
      message: `A tenant has at most ${maxLeases} leases that run at a time (KEYHOLD_MAX_LEASES).`,
      details: { retryAfterSeconds: String(Math.max(1, firstEnd - nowSecond)) },
    })
  }

  return {
    async within(tenantId, give) {
      const nowSecond = Math.floor(clock() / secondMs)
      forgetAll(nowSecond)
      const running = runningOf(tenantId)
      if (running.leases >= maxLeases) throw quotaExceeded(running, nowSecond)
      running.leases += 1
      const lease = await give().catch((error: unknown) => {
        running.leases -= 1
        throw error
      })
      if (lease === undefined) {
        running.leases -= 1
        return undefined
      }
      const end = Math.ceil((clock() + Math.max(secondMs, lease.remainingMs)) / secondMs)
      running.ends.set(end, (running.ends.get(end) ?? 0) + 1)
      return lease
    },
  }
}

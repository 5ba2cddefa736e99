// How many streams of events are open: in all, and of each tenant. A tenant gets fewer the more are open, so that there
// is always room for a tenant that has none.

export interface StreamShares {
  /** Counts one more, and answers whether there was room for it. */
  open(tenantId: string): boolean
  close(tenantId: string): void
}

const maxStreams = 200
const maxStreamsPerTenant = 20
// From here on a tenant may have one.
const scarceStreams = 150

export function createStreamShares(): StreamShares {
  const openByTenant = new Map<string, number>()
  let openCount = 0
  return {
    open(tenantId) {
      const count = openByTenant.get(tenantId) ?? 0
      if (openCount >= maxStreams || count >= (openCount < scarceStreams ? maxStreamsPerTenant : 1))
        return false
      openCount++
      openByTenant.set(tenantId, count + 1)
      return true
    },

    close(tenantId) {
      openCount--
      const count = (openByTenant.get(tenantId) ?? 0) - 1
      if (count > 0) openByTenant.set(tenantId, count)
      else openByTenant.delete(tenantId)
    },
  }
}

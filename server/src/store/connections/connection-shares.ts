// Shares out the connections of the pool. A tenant gets a few at once, and its other requests wait in memory, not in a
// connection.
import { KeyholdError } from '@keyhold/core'
import { createFairLines, type GiveBack } from '../../event-loop/fair-lines.ts'
import { ownShares, type ConnectionUser } from './connection-user.ts'

/** How many connections may be in use at once. */
export interface ConnectionLimits {
  /** All together. */
  total: number
  /** By one tenant. */
  ofTenant: number
  /** By slow work of all tenants together, such as transactions that wait for a lock. */
  slow: number
  /** By each of the shares that belong to no tenant. */
  own: number
  /** By slow work and the server's work outside of requests together. The rest is for quick reads alone. */
  heavy: number
}

/** The limits for a pool of `total` connections. */
export function connectionLimits(total: number): ConnectionLimits {
  const half = Math.max(1, Math.floor(total / 2))
  return {
    total,
    ofTenant: Math.max(1, Math.floor(total * 0.3)),
    slow: half,
    // Whoever updates the schema uses two at once.
    own: Math.max(half, Math.min(total, 2)),
    heavy: total < 4 ? total : total - Math.max(1, Math.floor(total / 5)),
  }
}

export interface ConnectionShares {
  /**
   * Waits for a turn and answers the function that ends it.
   *
   * @throws KeyholdError `ERR_TENANT_BUSY`, `ERR_SERVER_BUSY` if the turn does not come in time, or too many wait
   */
  enter(user: ConnectionUser): Promise<GiveBack>
  /** How many wait. */
  waiting(): number
}

export interface ConnectionSharesOptions {
  limits: ConnectionLimits
  maxWaitMs: number
  /** In one line. A line has one kind of work of one share. */
  maxWaiting: number
}

export function createConnectionShares({ limits, ...times }: ConnectionSharesOptions): ConnectionShares {
  const used = { total: 0, slow: 0, background: 0 }
  const usedByShare = new Map<string, number>()

  const isBackground = ({ share }: ConnectionUser) => share === ownShares.background
  const isSlow = (user: ConnectionUser) => user.isSlow && !isBackground(user)
  const isOwn = ({ share }: ConnectionUser) => share.startsWith(':')

  function hasShareLeft(user: ConnectionUser): boolean {
    return (usedByShare.get(user.share) ?? 0) < (isOwn(user) ? limits.own : limits.ofTenant)
  }

  const lines = createFairLines<ConnectionUser>({
    ...times,
    lineOf: (user) => `${user.share}${isSlow(user) ? '/slow' : ''}`,

    hasRoom(user) {
      if (used.total >= limits.total || !hasShareLeft(user)) return false
      if (isSlow(user) && used.slow >= limits.slow) return false
      return !(isSlow(user) || isBackground(user)) || used.slow + used.background < limits.heavy
    },

    count(user, by) {
      used.total += by
      if (isSlow(user)) used.slow += by
      if (isBackground(user)) used.background += by
      const ofShare = (usedByShare.get(user.share) ?? 0) + by
      if (ofShare === 0) usedByShare.delete(user.share)
      else usedByShare.set(user.share, ofShare)
    },

    refusal: (user) =>
      new KeyholdError(isOwn(user) || hasShareLeft(user) ? 'ERR_SERVER_BUSY' : 'ERR_TENANT_BUSY'),
  })

  return {
    async enter(user) {
      return user.holdsConnection ? () => undefined : lines.enter(user)
    },
    waiting: () => lines.waiting(),
  }
}

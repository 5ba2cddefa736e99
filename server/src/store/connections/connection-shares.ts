// Shares out the connections of the pool. A tenant gets a few at once, and its other requests queue here, in memory and
// not in a connection. Whoever has a line takes turns with the others, so that no line is longer for its neighbours.
import { KeyholdError } from '@keyhold/core'
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
  enter(user: ConnectionUser): Promise<() => void>
  /** How many wait. */
  waiting(): number
}

export interface ConnectionSharesOptions {
  limits: ConnectionLimits
  maxWaitMs: number
  /** In one line. A line has one kind of work of one share. */
  maxWaiting: number
}

interface Waiting {
  user: ConnectionUser
  admit: () => void
}

export function createConnectionShares({
  limits,
  maxWaitMs,
  maxWaiting,
}: ConnectionSharesOptions): ConnectionShares {
  const used = { total: 0, slow: 0, background: 0 }
  const usedByShare = new Map<string, number>()
  // The line whose turn is next comes first.
  const lines = new Map<string, Waiting[]>()

  const isBackground = ({ share }: ConnectionUser) => share === ownShares.background
  const isSlow = (user: ConnectionUser) => user.isSlow && !isBackground(user)
  const lineOf = (user: ConnectionUser) => `${user.share}${isSlow(user) ? '/slow' : ''}`
  const limitOf = ({ share }: ConnectionUser) => (share.startsWith(':') ? limits.own : limits.ofTenant)

  function hasRoom(user: ConnectionUser): boolean {
    if (used.total >= limits.total) return false
    if ((usedByShare.get(user.share) ?? 0) >= limitOf(user)) return false
    if (isSlow(user) && used.slow >= limits.slow) return false
    return !(isSlow(user) || isBackground(user)) || used.slow + used.background < limits.heavy
  }

  function count(user: ConnectionUser, by: 1 | -1): void {
    used.total += by
    if (isSlow(user)) used.slow += by
    if (isBackground(user)) used.background += by
    const ofShare = (usedByShare.get(user.share) ?? 0) + by
    if (ofShare === 0) usedByShare.delete(user.share)
    else usedByShare.set(user.share, ofShare)
  }

  function take(user: ConnectionUser): () => void {
    count(user, 1)
    let hasLeft = false
    return () => {
      if (hasLeft) return
      hasLeft = true
      count(user, -1)
      admitNext()
    }
  }

  function admitNext(): void {
    // A line that got a turn goes to the end of the map, where this loop meets it again.
    for (const [name, line] of lines) {
      if (used.total >= limits.total) return
      const [first] = line
      if (first === undefined || !hasRoom(first.user)) continue
      line.shift()
      lines.delete(name)
      if (line.length > 0) lines.set(name, line)
      first.admit()
    }
  }

  function drop(waiting: Waiting): void {
    const name = lineOf(waiting.user)
    const line = lines.get(name) ?? []
    const place = line.indexOf(waiting)
    if (place !== -1) line.splice(place, 1)
    if (line.length === 0) lines.delete(name)
  }

  function busy(user: ConnectionUser): KeyholdError {
    const isFull = (usedByShare.get(user.share) ?? 0) >= limitOf(user)
    return new KeyholdError(isFull && !user.share.startsWith(':') ? 'ERR_TENANT_BUSY' : 'ERR_SERVER_BUSY')
  }

  return {
    async enter(user) {
      if (user.holdsConnection) return () => undefined
      const name = lineOf(user)
      const line = lines.get(name)
      if (line === undefined && hasRoom(user)) return take(user)
      if (line !== undefined && line.length >= maxWaiting) throw busy(user)
      return new Promise((resolve, reject) => {
        const patience = setTimeout(() => {
          drop(waiting)
          reject(busy(user))
        }, maxWaitMs)
        const waiting: Waiting = {
          user,
          admit() {
            clearTimeout(patience)
            resolve(take(user))
          },
        }
        if (line === undefined) lines.set(name, [waiting])
        else line.push(waiting)
      })
    },

    waiting() {
      let count = 0
      for (const line of lines.values()) count += line.length
      return count
    },
  }
}

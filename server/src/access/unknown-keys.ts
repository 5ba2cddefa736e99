// API keys that nobody has cost a query each, and anybody can send as many as there are numbers. So whoever was refused is
// remembered for a moment, and an address may have only so many look-ups that find nothing. A key that was valid before is
// never refused for its address.
import { KeyholdError } from '@keyhold/core'
import { LRUCache } from 'lru-cache'
import { hash } from 'node:crypto'
import { createTokenBuckets, type TokenBuckets } from './token-buckets.ts'

export interface UnknownKeysOptions {
  /** Look-ups a minute that find nothing, for each address. 0: no limit. */
  perMinute: number
  /** How many replicas share the limit. */
  replicas: () => number
  /** Is called for each request that is refused for its address. */
  onRefused: () => void
  /** Monotonic, in milliseconds. */
  clock: () => number
}

export interface UnknownKeys {
  /** Whether this replica has made this access token, or found it valid when it last looked. */
  isKnownGood(token: string): boolean
  /**
   * Asked before a look-up. Answers the function to call at its end. Waits while as many look-ups of the address run as it
   * has left: all of them may find nothing.
   *
   * @throws KeyholdError `ERR_UNAUTHENTICATED` for one that was refused a moment ago, `ERR_TOO_MANY_UNKNOWN_KEYS`; the
   * latter it may reject with, too
   */
  begin(token: string, address: string): (() => void) | Promise<() => void>
  /** From now on it is known good. */
  wasFound(token: string): void
  wasNotFound(token: string, address: string): void
  /**
   * Answers the error for a key that does not hold at this address. Whoever has stolen it is told the same, and as often, as with a
   * key that nobody has. It stays known good.
   */
  refusalElsewhere(token: string, address: string): KeyholdError
}

/** The look-ups of one address that are not over. */
interface LookUps {
  running: number
  waiting: { admit: () => void; refuse: (error: KeyholdError) => void }[]
}

// An API key is random and is told nobody before it is stored. So no key is refused here that exists now, unless it came
// back with a restored database: then it works after this time.
const refusedMs = 5_000
const maxRefused = 10_000
const maxKnownGood = 50_000

/** @param called - completes "Too many … came from this address." */
export function tooManyOf(called: string, waitMs: number): KeyholdError {
  const seconds = Math.ceil(waitMs / 1_000)
  return new KeyholdError('ERR_TOO_MANY_UNKNOWN_KEYS', {
    message: `Too many ${called} came from this address. You need to wait ${seconds} seconds.`,
    details: { retryAfterSeconds: String(seconds) },
  })
}

export function createUnknownKeys({
  perMinute,
  replicas,
  onRefused,
  clock,
}: UnknownKeysOptions): UnknownKeys {
  // By `maxSize` it takes room as it fills; by `max`, all of it at the start.
  const refusedUntilMs = new LRUCache<string, number>({ maxSize: maxRefused, sizeCalculation: () => 1 })
  // By their hashes, so that no more access tokens lie in memory than are in use.
  const knownGood = new LRUCache<string, true>({ maxSize: maxKnownGood, sizeCalculation: () => 1 })
  const hashOf = (token: string) => hash('sha256', token, 'base64')
  const lookUps = new Map<string, LookUps>()
  const addresses: TokenBuckets | undefined =
    perMinute === 0
      ? undefined
      : createTokenBuckets({ tokens: () => perMinute / replicas(), windowMs: 60_000, clock })

  function refusal(waitMs: number): KeyholdError {
    onRefused()
    return tooManyOf('API keys that nobody has', waitMs)
  }

  function end(buckets: TokenBuckets, address: string, its: LookUps): void {
    its.running--
    while (its.waiting.length > 0) {
      const waitMs = buckets.waitMs(address)
      if (waitMs === 0 && its.running >= buckets.left(address)) break
      const next = its.waiting.shift()
      if (waitMs > 0) next?.refuse(refusal(waitMs))
      else {
        its.running++
        next?.admit()
      }
    }
    if (its.running === 0) lookUps.delete(address)
  }

  return {
    isKnownGood: (token) => knownGood.get(hashOf(token)) === true,
    begin(token, address) {
      if (clock() < (refusedUntilMs.get(token) ?? 0)) throw new KeyholdError('ERR_UNAUTHENTICATED')
      if (addresses === undefined) return () => undefined
      const waitMs = addresses.waitMs(address)
      if (waitMs > 0) throw refusal(waitMs)
      const its = lookUps.get(address) ?? { running: 0, waiting: [] }
      lookUps.set(address, its)
      const atEnd = () => {
        end(addresses, address, its)
      }
      if (its.running < addresses.left(address)) {
        its.running++
        return atEnd
      }
      return new Promise((resolve, reject) => {
        const admit = () => {
          resolve(atEnd)
        }
        its.waiting.push({ admit, refuse: reject })
      })
    },
    wasFound(token) {
      knownGood.set(hashOf(token), true)
    },
    wasNotFound(token, address) {
      knownGood.delete(hashOf(token))
      refusedUntilMs.set(token, clock() + refusedMs)
      addresses?.spend(address)
    },
    refusalElsewhere(token, address) {
      const name = `${token} ${address}`
      if (clock() < (refusedUntilMs.get(name) ?? 0)) return new KeyholdError('ERR_UNAUTHENTICATED')
      const waitMs = addresses?.waitMs(address) ?? 0
      if (waitMs > 0) return refusal(waitMs)
      refusedUntilMs.set(name, clock() + refusedMs)
      addresses?.spend(address)
      return new KeyholdError('ERR_UNAUTHENTICATED')
    },
  }
}

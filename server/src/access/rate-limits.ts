// How many requests a caller, and all callers of a tenant together, may send. Asked after authentication and before the
// body is read, so that a refused request costs next to nothing.
import { KeyholdError } from '@keyhold/core'
import { createTokenBuckets, type TokenBuckets } from './token-buckets.ts'
import type { Caller } from './caller.ts'

/**
 * The original's tiers, and Keyhold's own: managing keys, the data plane, and locking a tenant, which nobody else's
 * requests may use up.
 */
export type RateLimit = 'tier-1' | 'tier-2' | 'management' | 'data' | 'kill-switch'

/** In the time of its limit: a minute, or for the data plane a second. 0: no limit. */
export interface AllowedRequests {
  /** Of one caller. A caller for all tenants has as many for each of them. */
  perCaller: Readonly<Record<RateLimit, number>>
  /** Of all callers of a tenant. The tiers count as management. */
  perTenant: Readonly<Record<'management' | 'data', number>>
}

export interface RateLimitOptions {
  allowed: AllowedRequests
  /** How many replicas share the limits. */
  replicas: () => number
  onRefused: (limit: RateLimit, scope: 'caller' | 'tenant') => void
  /** Monotonic, in milliseconds. Default: the process's own. */
  clock?: () => number
}

/** Counts a request and answers undefined, or answers the error of the refusal: `HTTP-429`. */
export type RefuseBeyondLimit = (
  limit: RateLimit,
  request: { caller: Caller; tenantId: string | undefined },
) => KeyholdError | undefined

const windowMs: Readonly<Record<RateLimit, number>> = {
  'tier-1': 60_000,
  'tier-2': 60_000,
  management: 60_000,
  data: 1_000,
  'kill-switch': 60_000,
}

const unlimited: Pick<TokenBuckets, 'waitMs' | 'spend'> = { waitMs: () => 0, spend: () => undefined }

export function createRateLimits({
  allowed: { perCaller, perTenant },
  replicas,
  onRefused,
  clock = () => performance.now(),
}: RateLimitOptions): RefuseBeyondLimit {
  const buckets = (limit: RateLimit, requests: number) =>
    requests === 0
      ? unlimited
      : createTokenBuckets({ tokens: () => requests / replicas(), windowMs: windowMs[limit], clock })
  const ofCallers: Readonly<Record<RateLimit, typeof unlimited>> = {
    'tier-1': buckets('tier-1', perCaller['tier-1']),
    'tier-2': buckets('tier-2', perCaller['tier-2']),
    management: buckets('management', perCaller.management),
    data: buckets('data', perCaller.data),
    'kill-switch': buckets('kill-switch', perCaller['kill-switch']),
  }
  const management = buckets('management', perTenant.management)
  const ofTenants: Readonly<Record<RateLimit, typeof unlimited>> = {
    'tier-1': management,
    'tier-2': management,
    management,
    data: buckets('data', perTenant.data),
    'kill-switch': unlimited,
  }

  return (limit, { caller, tenantId }) => {
    const callers = ofCallers[limit]
    const tenants = ofTenants[limit]
    const name = nameOf(caller, tenantId)
    const callerMs = callers.waitMs(name)
    if (callerMs > 0) {
      onRefused(limit, 'caller')
      return refusal(callerMs)
    }
    if (tenantId !== undefined) {
      const tenantMs = tenants.waitMs(tenantId)
      if (tenantMs > 0) {
        onRefused(limit, 'tenant')
        return refusal(tenantMs)
      }
      tenants.spend(tenantId)
    }
    callers.spend(name)
    return undefined
  }
}

// The traffic of one tenant must not use up what a service for all tenants may send for the others, nor what a caller of another tenant
// may to whom the same issuer gives the same name. No id has a line end, so that nobody is given the name of another one.
function nameOf({ id, kind, tenantId: own }: Caller, tenantId: string | undefined): string {
  return kind === 'api-key' && tenantId === own ? id : `${id}\n${tenantId ?? ''}`
}

function refusal(waitMs: number): KeyholdError {
  const seconds = Math.ceil(waitMs / 1_000)
  return new KeyholdError('HTTP-429', {
    // The original's words.
    message: `You need to wait ${seconds} seconds until limit is lifted.`,
    details: { retryAfterSeconds: String(seconds) },
  })
}

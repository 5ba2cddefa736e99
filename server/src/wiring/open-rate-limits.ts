// The rate limits of requests, from the settings, with the counts of what they refuse.
import { createRateLimits, type RefuseBeyondLimit } from '../access/rate-limits.ts'
import type { EventCounts } from '../metrics/event-counts.ts'
import type { Settings } from '../settings/read-settings.ts'

// Fewer than the programs of an admin would ever send, and far more than people press it.
const killSwitchRequestsPerMinute = 60

export type RateLimitSettings = Pick<
  Settings,
  | 'tier1RequestsPerMinute'
  | 'tier2RequestsPerMinute'
  | 'managementRequestsPerMinute'
  | 'tenantManagementRequestsPerMinute'
  | 'dataRequestsPerSecond'
  | 'tenantDataRequestsPerSecond'
>

/** @param replicas - how many replicas share the limits */
export function openRateLimits(
  settings: RateLimitSettings,
  events: EventCounts,
  replicas: () => number,
): RefuseBeyondLimit {
  return createRateLimits({
    allowed: {
      perCaller: {
        'tier-1': settings.tier1RequestsPerMinute,
        'tier-2': settings.tier2RequestsPerMinute,
        management: settings.managementRequestsPerMinute,
        data: settings.dataRequestsPerSecond,
        'kill-switch': killSwitchRequestsPerMinute,
      },
      perTenant: {
        management: settings.tenantManagementRequestsPerMinute,
        data: settings.tenantDataRequestsPerSecond,
      },
    },
    replicas,
    onRefused: (limit, scope) => {
      events.rateLimited(limit, scope)
    },
  })
}

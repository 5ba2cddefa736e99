// Who calls: the callers that are held, and the look-ups of all others.
import type { Logger } from 'pino'
import { createAuthenticate, type Authentication } from '../access/authenticate.ts'
import { createHeldCallers, type HeldCallers } from '../access/held-callers.ts'
import { createRefresher } from '../event-loop/refresher.ts'
import type { HeldTenants } from '../access/held-tenants.ts'
import type { IssuedAuthentication } from '../issuers/authenticate-issued.ts'
import type { EventCounts } from '../metrics/event-counts.ts'
import type { Settings } from '../settings/read-settings.ts'
import { onShare, ownShares } from '../store/connections/connection-user.ts'
import type { Store } from '../store/store.ts'
import type { Timings } from '../timings.ts'
import type { Closers } from './close-all.ts'

interface CallerNeeds {
  store: Store
  tenants: HeldTenants
  events: EventCounts
  replicas: () => number
  /** Undefined: there is no file of issuers. */
  issued: IssuedAuthentication | undefined
  timings: Pick<Timings, 'apiKeyPollMs'>
}

export type Callers = Authentication &
  Pick<HeldCallers, 'end' | 'endTenant' | 'readAgain' | 'takeUses'> & {
    issued: IssuedAuthentication | undefined
    /** Whether there is the tenant, from memory where it was confirmed a moment ago. */
    tenantExists: HeldTenants['exists']
  }

/** @param closers - receives the function that ends the looks at API keys that are held */
export function openCallers(
  { keyCacheTtlSeconds, unknownKeysPerMinute }: Pick<Settings, 'keyCacheTtlSeconds' | 'unknownKeysPerMinute'>,
  logger: Logger,
  { store, tenants, events, replicas, issued, timings }: CallerNeeds,
  closers: Closers,
): Callers {
  const clock = () => performance.now()
  const held = createHeldCallers({ store, ttlMs: keyCacheTtlSeconds * 1_000, clock })
  const { authenticate, wasCreated } = createAuthenticate({
    ...{ store, held, clock, replicas },
    tagOf: (idStart) => store.macs.tagOf('apiKeyId', idStart),
    perMinute: unknownKeysPerMinute,
    onRefused: () => {
      events.rateLimited('unknown-keys', 'address')
    },
  })
  let isAway = false
  async function readAgain(): Promise<void> {
    await onShare(ownShares.callers, false, async () => {
      // One that fails keeps the other from nothing.
      const failed = (await Promise.allSettled([held.readAgain(), tenants.readAgain()])).find(
        ({ status }) => status === 'rejected',
      )
      if (failed?.status === 'rejected') throw failed.reason
    })
    isAway = false
  }
  const { refresh, close } = createRefresher(readAgain, timings.apiKeyPollMs, (error) => {
    if (!isAway) logger.warn({ err: error }, 'API keys and tenants in use cannot be read again for now')
    isAway = true
  })
  closers.push(() => {
    close()
    return Promise.resolve()
  })
  return {
    ...{ authenticate, wasCreated, issued },
    tenantExists: tenants.exists.bind(tenants),
    ...{ end: held.end.bind(held), readAgain: refresh },
    endTenant(tenantId) {
      held.endTenant(tenantId)
      tenants.endTenant(tenantId)
    },
    takeUses: held.takeUses.bind(held),
  }
}

// Who calls: the callers and sessions that are held, and the look-ups of all others.
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
import type { Sessions } from './people/open-sessions.ts'

interface CallerNeeds {
  store: Store
  tenants: HeldTenants
  events: EventCounts
  replicas: () => number
  /** Undefined: there is no file of issuers. */
  issued: IssuedAuthentication | undefined
  sessions: Sessions
  timings: Pick<Timings, 'apiKeyPollMs'>
}

export type Callers = Authentication &
  Pick<HeldCallers, 'end' | 'endTenant' | 'readAgain' | 'takeUses'> & {
    issued: IssuedAuthentication | undefined
    /** Whether there is the tenant, from memory where it was confirmed a moment ago. */
    tenantExists: HeldTenants['exists']
    sessions: Sessions
  }

/** @param closers - receives the function that ends the looks at API keys that are held */
export function openCallers(
  { keyCacheTtlSeconds, unknownKeysPerMinute }: Pick<Settings, 'keyCacheTtlSeconds' | 'unknownKeysPerMinute'>,
  logger: Logger,
  { store, tenants, events, replicas, issued, sessions, timings }: CallerNeeds,
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
      // One that fails keeps the others from nothing.
      const readings = [held.readAgain(), tenants.readAgain(), sessions.readAgain()]
      const failed = (await Promise.allSettled(readings)).find(({ status }) => status === 'rejected')
      if (failed?.status === 'rejected') throw failed.reason
    })
    isAway = false
  }
  const { refresh, close } = createRefresher(readAgain, timings.apiKeyPollMs, (error) => {
    if (!isAway)
      logger.warn({ err: error }, 'API keys, sessions and tenants in use cannot be read again for now')
    isAway = true
  })
  closers.push(() => {
    close()
    return Promise.resolve()
  })
  return {
    ...{ authenticate, wasCreated, issued, sessions, readAgain: refresh },
    tenantExists: tenants.exists.bind(tenants),
    end(apiKeyId) {
      held.end(apiKeyId)
      sessions.endApiKey(apiKeyId)
    },
    endTenant(tenantId) {
      held.endTenant(tenantId)
      tenants.endTenant(tenantId)
      sessions.endTenant(tenantId)
    },
    takeUses: held.takeUses.bind(held),
  }
}

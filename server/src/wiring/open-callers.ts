// Who calls: the callers that are held, and the look-ups of all others.
import type { Logger } from 'pino'
import { createAuthenticate, type Authentication } from '../access/authenticate.ts'
import { createHeldCallers, type HeldCallers } from '../access/held-callers.ts'
import { createRefresher } from '../event-loop/refresher.ts'
import type { IssuedAuthentication } from '../issuers/authenticate-issued.ts'
import type { EventCounts } from '../metrics/event-counts.ts'
import type { Settings } from '../settings/read-settings.ts'
import { onShare, ownShares } from '../store/connections/connection-user.ts'
import type { Store } from '../store/store.ts'
import type { Timings } from '../timings.ts'
import type { Closers } from './close-all.ts'

interface CallerNeeds {
  store: Store
  events: EventCounts
  replicas: () => number
  /** Undefined: there is no file of issuers. */
  issued: IssuedAuthentication | undefined
  timings: Pick<Timings, 'apiKeyPollMs'>
}

export type Callers = Authentication &
  Pick<HeldCallers, 'end' | 'endTenant' | 'readAgain' | 'takeUses'> & {
    issued: IssuedAuthentication | undefined
  }

/** @param closers - receives the function that ends the looks at API keys that are held */
export function openCallers(
  { keyCacheTtlSeconds, unknownKeysPerMinute }: Pick<Settings, 'keyCacheTtlSeconds' | 'unknownKeysPerMinute'>,
  logger: Logger,
  { store, events, replicas, issued, timings }: CallerNeeds,
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
    await onShare(ownShares.callers, false, () => held.readAgain())
    isAway = false
  }
  const { refresh, close } = createRefresher(readAgain, timings.apiKeyPollMs, (error) => {
    if (!isAway) logger.warn({ err: error }, 'API keys in use cannot be read again for now')
    isAway = true
  })
  closers.push(() => {
    close()
    return Promise.resolve()
  })
  return {
    ...{ authenticate, wasCreated, issued },
    ...{ end: held.end.bind(held), readAgain: refresh },
    endTenant(tenantId) {
      held.endTenant(tenantId)
      issued?.endTenant(tenantId)
    },
    takeUses: held.takeUses.bind(held),
  }
}

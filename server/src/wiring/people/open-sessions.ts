// Sessions: those that are held, the look-ups of all others, and what browsers are trusted with.
import type { EventCounts } from '../../metrics/event-counts.ts'
import {
  createCookieAuthentication,
  type CookieAuthentication,
} from '../../people/browser/authenticate-cookie.ts'
import { createOriginOf, type OriginOf } from '../../people/browser/browser-origin.ts'
import { csrfTokenOf } from '../../people/browser/csrf-token.ts'
import { createAuthenticateLink, type AuthenticateLink } from '../../people/links/authenticate-link.ts'
import { createOneTimeLinks, type OneTimeLinks } from '../../people/links/one-time-links.ts'
import {
  createSessionAuthentication,
  type SessionAuthentication,
} from '../../people/sessions/authenticate-session.ts'
import { createHeldSessions, type HeldSessions } from '../../people/sessions/held-sessions.ts'
import type { Settings } from '../../settings/read-settings.ts'
import type { Store } from '../../store/store.ts'

export interface SessionNeeds {
  store: Store
  events: EventCounts
  replicas: () => number
  isTls: boolean
  /** Whether people of the issuer may still sign in. */
  isTrusted: (issuer: string) => boolean
}

export type Sessions = SessionAuthentication &
  Pick<HeldSessions, 'end' | 'endApiKey' | 'endTenant' | 'readAgain'> & {
    cookies: CookieAuthentication
    links: AuthenticateLink
    /** Answers the secret of a link that signs in with the API key, once and on this machine. */
    makeLink: OneTimeLinks['make']
    spendLink: OneTimeLinks['spend']
    originOf: OriginOf
    csrfTokenOf: (sessionId: string) => string
  }

export function openSessions(
  {
    keyCacheTtlSeconds,
    unknownKeysPerMinute: perMinute,
    publicUrl,
  }: Pick<Settings, 'keyCacheTtlSeconds' | 'unknownKeysPerMinute' | 'publicUrl'>,
  { store, events, replicas, isTls, isTrusted }: SessionNeeds,
): Sessions {
  const clock = () => performance.now()
  const held = createHeldSessions({ store, ttlMs: keyCacheTtlSeconds * 1_000, clock, isTrusted })
  const limits = {
    ...{ clock, replicas, perMinute },
    onRefused: () => {
      events.rateLimited('unknown-keys', 'address')
    },
  }
  const tagOf = (idStart: string) => store.macs.tagOf('sessionId', idStart)
  const ofLink = (idStart: string) => store.macs.tagOf('linkId', idStart)
  const sessions = createSessionAuthentication({ held, tagOf, ...limits })
  const oneTime = createOneTimeLinks(clock, ofLink)
  const originOf = createOriginOf(publicUrl, isTls)
  const ofSession = (sessionId: string) => csrfTokenOf(store.macs, sessionId)
  return {
    ...sessions,
    ...{ originOf, csrfTokenOf: ofSession },
    links: createAuthenticateLink({ store, oneTime, tagOf: ofLink, ...limits }),
    makeLink: oneTime.make.bind(oneTime),
    spendLink: oneTime.spend.bind(oneTime),
    cookies: createCookieAuthentication({ sessions, originOf, csrfTokenOf: ofSession }),
    end: held.end.bind(held),
    endApiKey: held.endApiKey.bind(held),
    endTenant: held.endTenant.bind(held),
    readAgain: held.readAgain.bind(held),
  }
}

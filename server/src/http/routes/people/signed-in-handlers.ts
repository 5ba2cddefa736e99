// The routes of those who are signed in, and of signing in and out.
import type { ListedSession as WireSession } from '@keyhold/contract'
import { KeyholdError } from '@keyhold/core'
import type { Caller } from '../../../access/caller.ts'
import type { OriginOf } from '../../../people/browser/browser-origin.ts'
import { setCookie } from '../../../people/browser/cookies.ts'
import { refuseForeignPage } from '../../../people/browser/refuse-foreign-page.ts'
import { beginSession } from '../../../people/sessions/begin-session.ts'
import { endSessions } from '../../../people/sessions/end-sessions.ts'
import { sessionLimits, type ListedSession } from '../../../store/sessions/sessions.ts'
import type { Actor } from '../../../store/audits.ts'
import type { Store, TransactionStore } from '../../../store/store.ts'
import type { Handlers } from '../../server/handler.ts'
import { actorOf } from '../../wire/actor-of.ts'
import { cutPage, pageOf } from '../../wire/page-wire.ts'
import { wireSeconds } from '../../wire/wire-time.ts'

const sessionIdForm = /^[0-9a-z]{16}$/
const lifeSeconds = sessionLimits.lifeMs / 1_000

export interface SignedInParts {
  store: Store
  sessions: {
    originOf: OriginOf
    csrfTokenOf: (sessionId: string) => string
    /** Receives the secret of a new session. */
    wasCreated: (token: string) => void
    /** Whether a link was not spent before. */
    spendLink: (id: string) => boolean
    /** Receives the ids of sessions that were ended. */
    end: (ids: readonly string[]) => void
  }
  /** Whether an API key may be exchanged for a session. */
  byApiKey: boolean
}

type SessionRoutes = 'endSession' | 'getCsrfToken' | 'createSession' | 'listSessions' | 'endAnySession'

export function signedInHandlers({
  store,
  sessions,
  byApiKey,
}: SignedInParts): Pick<Handlers, SessionRoutes> {
  async function spendLink(
    transaction: TransactionStore,
    { id, kind }: NonNullable<Caller['link']>,
    actor: Actor,
    tenantId: string | undefined,
  ): Promise<void> {
    const isLeft = kind === 'setup' ? await transaction.setupLinks.use(id) : sessions.spendLink(id)
    if (!isLeft) throw new KeyholdError('ERR_LINK_OVER')
    if (kind === 'setup') transaction.audit({ tenantId, actor, action: 'setuplink.use', targetId: id })
  }

  return {
    async endSession(call) {
      const { session } = call.caller
      if (session === undefined) {
        throw new KeyholdError('ERR_SESSION_NOT_FOUND', { message: 'This access token is of no session.' })
      }
      const all = call.query.all === 'true'
      sessions.end(await endSessions(store, { id: session.id, all }, actorOf(call)))
      const own = sessions.originOf(call.browser().host)
      const ends = session.kind === 'browser' && own !== undefined
      return {
        ...{ status: 204, body: null },
        ...(ends && { headers: { 'set-cookie': setCookie('session', '', 0, own.isSecure) } }),
      }
    },

    getCsrfToken({ caller: { session } }) {
      if (session?.kind !== 'browser') throw new KeyholdError('CSRF-TOKEN-4')
      return { status: 204, body: null, headers: { 'qlik-csrf-token': sessions.csrfTokenOf(session.id) } }
    },

    async createSession(call) {
      const { caller, body } = call
      const { kind = 'browser' } = body
      if (caller.kind !== 'api-key' || caller.session !== undefined) {
        throw new KeyholdError('ERR_SIGN_IN_OFF', {
          message: 'Only an API key is exchanged for a session: sign in again with it, or at /login.',
        })
      }
      if (!byApiKey && caller.link === undefined) {
        throw new KeyholdError('ERR_SIGN_IN_OFF', {
          message: 'Signing in with an API key is off here: sign in at /login with your account.',
        })
      }
      const request = call.browser()
      const own = sessions.originOf(request.host)
      if (kind === 'browser') {
        if (own === undefined) throw new KeyholdError('ERR_PUBLIC_URL_NOT_SET')
        refuseForeignPage(request, own.origin)
      }
      const { role, tenantId, link } = caller
      const key = await store.apiKeys.find(caller.id)
      const { session, token } = await beginSession(
        store,
        {
          ...{ kind, role, tenantId, owner: { apiKeyId: caller.id } },
          ...{ name: key?.name ?? '', scopes: undefined },
        },
        actorOf(call),
        // Here, so that nothing else that is wrong with the request spends it.
        link && (async (transaction) => spendLink(transaction, link, actorOf(call), tenantId)),
      )
      sessions.wasCreated(token)
      const told = { id: session.id, kind, endsAt: wireSeconds(session.endsAt) }
      return kind === 'browser'
        ? {
            ...{ status: 201, body: told },
            headers: { 'set-cookie': setCookie('session', token, lifeSeconds, own?.isSecure ?? true) },
          }
        : { status: 201, body: { ...told, token } }
    },

    async listSessions({ query, caller: { tenantId } }) {
      const page = pageOf(query)
      const { rows, next } = cutPage(await store.sessions.list(page, tenantId), page)
      return { status: 200, body: { sessions: rows.map(sessionWire), ...next } }
    },

    async endAnySession(call) {
      const { sessionId: id } = call.params
      if (!sessionIdForm.test(id)) throw new KeyholdError('ERR_SESSION_NOT_FOUND')
      const { tenantId } = call.caller
      const all = call.query.all === 'true'
      sessions.end(await endSessions(store, { id, all, tenantId }, actorOf(call)))
      return { status: 204, body: null }
    },
  }
}

function sessionWire(session: ListedSession): WireSession {
  const { id, kind, owner, name, role, tenantId, createdAt, signedInAt, seenAt, endsAt } = session
  return {
    ...{ id, kind, name, role },
    owner: 'apiKeyId' in owner ? owner.apiKeyId : `${owner.issuer}#${owner.subject}`,
    ...(tenantId !== undefined && { tenantId }),
    ...{ createdAt: wireSeconds(createdAt), signedInAt: wireSeconds(signedInAt) },
    ...{ seenAt: wireSeconds(seenAt), endsAt: wireSeconds(endsAt) },
  }
}

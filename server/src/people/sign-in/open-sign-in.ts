// The sign-in of people, as the pages of it use it: by the providers that are trusted now.
import { KeyholdError } from '@keyhold/core'
import type { GuardedFetch } from '../../guarded-fetch/guarded-fetch.ts'
import type { SignInProvider } from '../../issuers/file/issuers-form.ts'
import { createIssuerKeys, type IssuerKeys, type Later } from '../../issuers/keys/issuer-keys.ts'
import { createReadKeys } from '../../issuers/keys/read-keys.ts'
import { RefusedToken } from '../../issuers/tokens/refused-token.ts'
import type { Actor } from '../../store/audits.ts'
import { systemActor } from '../../store/audits.ts'
import type { Store } from '../../store/store.ts'
import { beginSession, type BegunSession } from '../sessions/begin-session.ts'
import { decodeLoginCookie, encodeLoginCookie } from './login-cookie.ts'
import { createReadLogoutToken } from './logout-token.ts'
import { createClientOf } from './provider-clients.ts'
import { returnPath } from './return-path.ts'
import { beginSignIn, finishSignIn } from './sign-in.ts'

export interface SignIn {
  /** Names and labels. */
  providers(): readonly Pick<SignInProvider, 'name' | 'label'>[]
  /**
   * @param origin - under which browsers see this server
   * @returns where the browser goes, and the value of its login cookie
   * @throws KeyholdError `ERR_SIGN_IN_OFF`, `ERR_ISSUER_UNREACHABLE`, `ERR_SEALED`
   */
  begin(request: BeginRequest): Promise<{ url: string; cookie: string }>
  /** @throws KeyholdError `ERR_SIGN_IN_FAILED`, `ERR_SIGN_IN_REFUSED`, `ERR_ISSUER_UNREACHABLE`, `ERR_TENANT_NOT_FOUND`, `ERR_SEALED` */
  finish(request: FinishRequest): Promise<BegunSession & { returnTo: string }>
  /**
   * Ends the sessions that a logout token names. Answers their ids.
   *
   * @throws KeyholdError `ERR_SIGN_IN_FAILED`, `ERR_ISSUER_UNREACHABLE`
   */
  logOut(provider: string, token: string): Promise<string[]>
  close(): void
}

interface BeginRequest {
  provider: string
  origin: string
  returnTo: string | undefined
  isFresh: boolean
}

interface FinishRequest {
  provider: string
  origin: string
  /** With the query that the provider has added. */
  pathAndQuery: string
  cookie: string | undefined
  actor: Pick<Actor, 'traceId' | 'origin'>
}

export interface SignInOptions {
  providers: () => readonly SignInProvider[]
  store: Store
  fetch: GuardedFetch
  /** Monotonic, in milliseconds. */
  clock: () => number
  later: Later
  onRefused: (provider: string, error: unknown) => void
}

export const callbackPath = '/login/callback'

export function openSignIn({ providers, store, fetch, clock, later, onRefused }: SignInOptions): SignIn {
  const clientOf = createClientOf(fetch, clock)
  const tagOf = (text: string) => store.macs.tagOf('login', text)
  const now = () => store.clock.now()
  const readLogoutToken = createReadLogoutToken(now)
  const keys = new Map<string, IssuerKeys>()

  function find(name: string): SignInProvider {
    const provider = providers().find((each) => each.name === name)
    if (provider === undefined) {
      throw new KeyholdError('ERR_SIGN_IN_OFF', {
        message: 'There is no such identity provider in the file of issuers.',
      })
    }
    return provider
  }

  function keysOf(provider: SignInProvider): IssuerKeys {
    const { name, issuer, algorithm, caFile } = provider
    const id = JSON.stringify([name, issuer, algorithm, caFile])
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    const source = { keys: { kind: 'discovery' as const, url }, issuer, algorithms: [algorithm], caFile }
    const found =
      keys.get(id) ??
      createIssuerKeys({
        ...{ name, clock, later, onChanged: () => undefined },
        read: createReadKeys({ ...source, tokenFile: undefined }, fetch),
      })
    keys.set(id, found)
    return found
  }

  return {
    providers: () => providers().map(({ name, label }) => ({ name, label })),

    async begin({ provider: name, origin, returnTo, isFresh }) {
      const redirectUri = `${origin}${callbackPath}/${name}`
      const asked = { redirectUri, returnTo: returnPath(returnTo), isFresh }
      const { url, begun } = await beginSignIn(clientOf, find(name), asked)
      return { url, cookie: encodeLoginCookie(begun, now().getTime(), tagOf) }
    },

    async finish({ provider: name, origin, pathAndQuery, cookie, actor }) {
      const provider = find(name)
      const begun = cookie === undefined ? undefined : decodeLoginCookie(cookie, now().getTime(), tagOf)
      // An answer of another provider than the one that was asked is none.
      if (begun?.provider !== name) throw new KeyholdError('ERR_SIGN_IN_FAILED')
      const callback = new URL(`${origin}${pathAndQuery}`)
      const signedIn = await finishSignIn(clientOf, provider, callback, begun).catch((error: unknown) => {
        onRefused(name, error)
        throw error
      })
      const { caller, subject, providerSession, signedInAt } = signedIn
      const { id, role, tenantId, scopeTexts: scopes } = caller
      const made = await beginSession(
        store,
        {
          ...{ kind: 'browser', name: signedIn.name, role, tenantId, scopes, signedInAt },
          owner: { issuer: provider.issuer, subject, providerSession },
        },
        {
          ...{ id, role, traceId: actor.traceId ?? '', granted: { tenantId, scopes } },
          origin: { ...actor.origin, actorName: signedIn.name },
        },
      )
      return { ...made, returnTo: begun.returnTo }
    },

    async logOut(name, token) {
      const provider = find(name)
      try {
        const told = await readLogoutToken(provider, token, (keyId) => keysOf(provider).find(keyId))
        return await endAll(store, provider.issuer, told).catch((error: unknown) => {
          told.wasInVain()
          throw error
        })
      } catch (error) {
        if (!(error instanceof RefusedToken)) throw error
        onRefused(name, error)
        throw new KeyholdError('ERR_SIGN_IN_FAILED', { message: 'The logout token does not hold.' })
      }
    },

    close() {
      for (const each of keys.values()) each.close()
    },
  }
}

function endAll(
  store: Pick<Store, 'transaction'>,
  issuer: string,
  { subject, providerSession, begunBefore }: Awaited<ReturnType<ReturnType<typeof createReadLogoutToken>>>,
): Promise<string[]> {
  return store.transaction(async (transaction) => {
    const which =
      subject === undefined
        ? { issuer, providerSession: providerSession ?? '' }
        : { issuer, subject, ...(providerSession !== undefined && { providerSession }) }
    const ended = await transaction.sessions.end(which, { begunBefore })
    for (const { id: targetId, tenantId } of ended) {
      const details = { count: '1', owner: `${issuer}#${subject ?? ''}` }
      transaction.audit({ tenantId, actor: systemActor, action: 'session.end', targetId, details })
    }
    return ended.map(({ id }) => id)
  })
}

// The pages of the sign-in with an identity provider. They are no routes of the contract: a browser goes through them, and the
// provider calls one. The cookie of the session is set on a page that answers 200: a browser would not send a Strict one after the
// redirect that began at another site.
import { statusOf } from '@keyhold/contract'
import { isKeyholdError, KeyholdError } from '@keyhold/core'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { OriginOf } from '../../people/browser/browser-origin.ts'
import { findCookies, setCookie } from '../../people/browser/cookies.ts'
import { loginCookieSeconds } from '../../people/sign-in/login-cookie.ts'
import { callbackPath, type SignIn } from '../../people/sign-in/open-sign-in.ts'
import { sessionLimits } from '../../store/sessions/sessions.ts'
import { originOf as requestOriginOf } from '../log/request-origin.ts'
import { toKeyholdError } from '../server/error-reply.ts'
import type { ClientAddress } from '../server/client-address.ts'
import { htmlPage, pageHeaders } from './sign-in-page.ts'

export interface SignInParts {
  signIn: SignIn
  originOf: OriginOf
  clientAddress: ClientAddress
  /** Counts a call of an address, and answers in how many milliseconds it may come again; 0: now. */
  waitMsOf: (address: string) => number
  /** Receives the secret of a new session. */
  wasCreated: (token: string) => void
  /** Receives the ids of sessions that were ended. */
  end: (ids: readonly string[]) => void
}

const maxTokenBytes = 16_384
const lifeSeconds = sessionLimits.lifeMs / 1_000
const msOfSecond = 1_000

export function registerSignIn(app: FastifyInstance, parts: SignInParts | undefined): void {
  if (parts === undefined) return
  const { signIn, originOf, clientAddress, wasCreated, end } = parts

  function enter(request: FastifyRequest) {
    const waitMs = parts?.waitMsOf(clientAddress(request.raw)?.client ?? '') ?? 0
    if (waitMs > 0) {
      const seconds = Math.ceil(waitMs / msOfSecond)
      throw new KeyholdError('HTTP-429', { details: { retryAfterSeconds: String(seconds) } })
    }
    const own = originOf(request.headers.host)
    if (own === undefined) throw new KeyholdError('ERR_PUBLIC_URL_NOT_SET')
    return own
  }

  async function begin(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { origin, isSecure } = enter(request)
    const { provider, return_to: returnTo, fresh } = request.query as Record<string, unknown>
    const providers = signIn.providers()
    const name = provider ?? (providers.length === 1 ? providers[0]?.name : undefined)
    if (typeof name !== 'string') {
      const query = typeof returnTo === 'string' ? `&return_to=${encodeURIComponent(returnTo)}` : ''
      const links = providers.map((each) => ({
        href: `/login?provider=${encodeURIComponent(each.name)}${query}`,
        text: each.label,
      }))
      return sendPage(reply, 200, { title: 'Sign in', text: 'With whom?', links })
    }
    const { url, cookie } = await signIn.begin({
      ...{ provider: name, origin, isFresh: fresh === 'true' },
      returnTo: typeof returnTo === 'string' ? returnTo : undefined,
    })
    return reply
      .code(302)
      .headers({
        location: url,
        'referrer-policy': 'no-referrer',
        'set-cookie': setCookie('login', cookie, loginCookieSeconds, isSecure),
      })
      .send()
  }

  async function finish(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { origin, isSecure } = enter(request)
    const cookies = findCookies(request.headers.cookie, 'login', isSecure)
    // Whatever comes of it: what was begun is over.
    const over = setCookie('login', '', 0, isSecure)
    void reply.header('set-cookie', over)
    const { token, returnTo } = await signIn.finish({
      provider: (request.params as Record<'provider', string>).provider,
      ...{ origin, pathAndQuery: request.url, cookie: cookies.length === 1 ? cookies[0] : undefined },
      actor: { traceId: request.id, origin: requestOriginOf(request, clientAddress) },
    })
    wasCreated(token)
    void reply.header('set-cookie', [over, setCookie('session', token, lifeSeconds, isSecure)])
    const next = { href: returnTo, text: 'Go on' }
    return sendPage(reply, 200, {
      title: 'Signed in',
      text: 'You are signed in.',
      links: [next],
      next: returnTo,
    })
  }

  app.get('/login', (request, reply) => answerPage(reply, () => begin(request, reply)))
  app.get(`${callbackPath}/:provider`, (request, reply) => answerPage(reply, () => finish(request, reply)))
  void app.register((scope, _options, done) => {
    scope.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: maxTokenBytes },
      (_request, body, parsed) => {
        parsed(null, new URLSearchParams(String(body)))
      },
    )
    scope.post('/login/logout/:provider', async (request, reply) => {
      const { provider } = request.params as Record<'provider', string>
      const token = request.body instanceof URLSearchParams ? request.body.get('logout_token') : null
      try {
        if (token === null) throw new KeyholdError('ERR_SIGN_IN_FAILED')
        end(await signIn.logOut(provider, token))
      } catch (error) {
        // Those that hold do not count: a provider that signs many people out at once sends all of it from one address.
        enter(request)
        throw error
      }
      return reply.code(200).send()
    })
    done()
  })
}

/** A person reads it, so that it is no JSON. */
async function answerPage(reply: FastifyReply, work: () => Promise<FastifyReply>): Promise<FastifyReply> {
  try {
    return await work()
  } catch (thrown) {
    const error = toKeyholdError(thrown)
    reply.request.errorCode = error.code
    if (error.code === 'ERR_INTERNAL' && !isKeyholdError(thrown)) throw thrown
    return sendPage(reply, statusOf(error.code, undefined), {
      ...{ title: 'You are not signed in', text: `${error.message} (${error.code})` },
      links: [{ href: '/login', text: 'Sign in again' }],
    })
  }
}

function sendPage(reply: FastifyReply, status: number, parts: Parameters<typeof htmlPage>[0]): FastifyReply {
  return reply.code(status).headers(pageHeaders).send(htmlPage(parts))
}

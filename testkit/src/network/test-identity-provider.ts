// An identity provider on loopback (oidc-provider), with which people sign in by a browser that has no screen.
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { once } from 'node:events'
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'
import { createTestAuthority } from './test-authority.ts'

export interface TestIdentityProvider {
  issuer: string
  /** For `KEYHOLD_PRIVATE_HOSTS`. */
  privateHost: string
  /** Of the authority of its certificate, in PEM. */
  ca: string
  clientId: string
  clientSecret: string
  /** Lets the client come back to this URL. */
  admit(redirectUri: string): void
  /** Who signs in next, with these claims besides `sub`. */
  next: { subject: string; claims: Record<string, unknown> }
  /** Signs a token with its key. */
  sign(claims: Record<string, unknown>, header?: Record<string, unknown>): Promise<string>
  close(): Promise<void>
}

const clientId = 'keyhold'
const clientSecret = 'a secret of the tests'

export async function startTestIdentityProvider(): Promise<TestIdentityProvider> {
  const authority = createTestAuthority('authority of the identity provider')
  const { key, certificate } = authority.issue(['localhost'])
  let answer: RequestListener = (_request, response) => {
    response.writeHead(503).end()
  }
  const server = createServer({ key, cert: certificate }, (request, response) => {
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const issuer = `https://localhost:${String(port)}`
  const { privateKey } = await generateKeyPair('RS256', { extractable: true })
  const jwk = { ...(await exportJWK(privateKey)), kid: 'one', alg: 'RS256', use: 'sig' }

  const provider: TestIdentityProvider = {
    ...{ issuer, clientId, clientSecret, ca: authority.certificate },
    privateHost: `localhost:${String(port)}=127.0.0.0/8`,
    next: { subject: 'mara', claims: {} },
    admit(redirectUri) {
      answer = listenerOf(redirectUri)
    },
    sign: (claims, header = {}) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'RS256', kid: 'one', typ: 'logout+jwt', ...header })
        .sign(privateKey),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }

  function listenerOf(redirectUri: string): RequestListener {
    const oidc = new Provider(issuer, {
      clients: [
        {
          ...{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] },
          ...{ grant_types: ['authorization_code'], response_types: ['code'] },
          backchannel_logout_uri: `${issuer}/nowhere`,
          // Only then its ID tokens name its session.
          backchannel_logout_session_required: true,
        },
      ],
      claims: { openid: ['sub'], profile: ['name', 'groups'] },
      conformIdTokenClaims: false,
      cookies: { keys: ['a key of the tests'] },
      features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
      jwks: { keys: [jwk] },
      pkce: { required: () => true },
      interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
      findAccount: (_context, accountId) => ({
        accountId,
        claims: () => ({ sub: accountId, ...provider.next.claims }),
      }),
      async loadExistingGrant({ oidc: { client, session, provider: own } }) {
        const ids = { clientId: client?.clientId ?? '', accountId: session?.accountId ?? '' }
        const grant = new own.Grant(ids)
        grant.addOIDCScope('openid profile')
        await grant.save()
        return grant
      },
    })
    const callback = oidc.callback()
    return (request: IncomingMessage, response: ServerResponse) => {
      if (request.url?.startsWith('/interaction/') === true) {
        void oidc.interactionFinished(request, response, { login: { accountId: provider.next.subject } })
      } else void callback(request, response)
    }
  }

  return provider
}

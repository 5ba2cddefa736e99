// The sign-in with an identity provider: by an authorization code with PKCE (RFC 7636), and an ID token whose signature is verified.
import { KeyholdError } from '@keyhold/core'
import {
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  type IDToken,
} from 'openid-client'
import type { Caller } from '../../access/caller.ts'
import type { SignInProvider } from '../../issuers/file/issuers-form.ts'
import { mapToken } from '../../issuers/map-caller.ts'
import { isPlainText } from '../../issuers/plain-text.ts'
import { RefusedToken } from '../../issuers/tokens/refused-token.ts'
import type { BegunSignIn } from './login-cookie.ts'
import type { ClientOf } from './provider-clients.ts'

export interface SignedIn {
  /** Without a session yet. */
  caller: Caller
  name: string
  subject: string
  /** As the provider names its own session. */
  providerSession: string | undefined
  signedInAt: Date
}

interface Beginning {
  redirectUri: string
  returnTo: string
  /** Whether the person must prove anew who he is. */
  isFresh: boolean
}

// As long as a session: whoever signed in at his provider yesterday proves anew who he is.
const usualMaxAgeSeconds = 43_200
const freshMaxAgeSeconds = 300
const maxName = 128
const maxSubject = 255
const maxSession = 255
const msOfSecond = 1_000

/** @throws KeyholdError `ERR_ISSUER_UNREACHABLE` */
export async function beginSignIn(
  clientOf: ClientOf,
  provider: SignInProvider,
  { redirectUri, returnTo, isFresh }: Beginning,
): Promise<{ url: string; begun: BegunSignIn }> {
  const client = await clientOf(provider)
  const [state, nonce, verifier] = [randomState(), randomNonce(), randomPKCECodeVerifier()]
  const maxAgeSeconds = isFresh ? freshMaxAgeSeconds : usualMaxAgeSeconds
  const url = buildAuthorizationUrl(client, {
    redirect_uri: redirectUri,
    scope: ['openid', ...provider.scopes].join(' '),
    code_challenge: await calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...{ state, nonce, max_age: String(maxAgeSeconds) },
    ...(isFresh && { prompt: 'login' }),
  })
  const begun = { provider: provider.name, state, nonce, verifier, returnTo, maxAgeSeconds }
  return { url: url.href, begun }
}

/**
 * @param callback - the URL to which the provider has sent the browser, under the origin that was told to the provider
 * @throws KeyholdError `ERR_ISSUER_UNREACHABLE`, `ERR_SIGN_IN_FAILED`, `ERR_SIGN_IN_REFUSED`
 */
export async function finishSignIn(
  clientOf: ClientOf,
  provider: SignInProvider,
  callback: URL,
  { state, nonce, verifier, maxAgeSeconds }: BegunSignIn,
): Promise<SignedIn> {
  const client = await clientOf(provider)
  let claims: IDToken | undefined
  try {
    const tokens = await authorizationCodeGrant(client, callback, {
      pkceCodeVerifier: verifier,
      ...{ expectedState: state, expectedNonce: nonce, idTokenExpected: true, maxAge: maxAgeSeconds },
    })
    claims = tokens.claims()
  } catch (cause) {
    throw new KeyholdError('ERR_SIGN_IN_FAILED', { cause })
  }
  if (claims?.auth_time === undefined) throw new KeyholdError('ERR_SIGN_IN_FAILED')
  return signedIn(provider, claims, new Date(claims.auth_time * msOfSecond))
}

function signedIn(provider: SignInProvider, claims: IDToken, signedInAt: Date): SignedIn {
  const { sub: subject, sid } = claims
  if (!isPlainText(subject, maxSubject)) throw new KeyholdError('ERR_SIGN_IN_FAILED')
  const named = [claims.name, claims.preferred_username, claims.email].find((each) =>
    isPlainText(each, maxName),
  )
  try {
    const { caller } = mapToken(provider, { subject, tokenId: undefined }, claims)
    return {
      ...{ subject, signedInAt, name: typeof named === 'string' ? named : subject },
      caller: { ...caller, kind: 'person' },
      providerSession: isPlainText(sid, maxSession) ? sid : undefined,
    }
  } catch (error) {
    if (!(error instanceof RefusedToken)) throw error
    throw new KeyholdError('ERR_SIGN_IN_REFUSED', { message: refusalOf(claims) })
  }
}

/** Entra leaves the groups of whoever is in many out, and says so in one of these. */
function refusalOf(claims: IDToken): string {
  const isOverage = claims.hasgroups === true || claims._claim_names !== undefined
  return isOverage
    ? 'The identity provider has left your groups out, since you are in too many: ask your administrator to give you an app role.'
    : 'Your account has no role here: ask whoever runs Keyhold to name one of your groups in the file of issuers.'
}

// Assumes the roles of customers with identity tokens of Keyhold's own issuer, so that neither side stores anything of the other. The
// call is not signed: the token alone counts. A session is kept for its tenant and role, and begun anew five minutes before its end.
import { AssumeRoleWithWebIdentityCommand } from '@aws-sdk/client-sts'
import { isKeyholdError, KeyholdError, type RoleByWebIdentity } from '@keyhold/core'
import { createSingleFlight } from '../../event-loop/single-flight.ts'
import { makeIdentityToken } from '../issuer/identity-token.ts'
import {
  deservesNewToken,
  explainSignIn,
  issuerFault,
  issuerFaultIn,
  webIdentityAction,
} from '../issuer/issuer-faults.ts'
import type { IssuerKey } from '../issuer/issuer-key.ts'
import { readSession, sessionEnd, sessionSeconds, type SessionCredentials } from './session.ts'
import type { StsCalls } from './sts-calls.ts'

/** AWS STS takes no other one. */
export const stsAudience = 'sts.amazonaws.com'

const renewBeforeMs = 300_000
const maxSessions = 20_000
const maxSessionNameCharacters = 64

/** The issuer, as the adapters use it. */
export interface TokenIssuer {
  /** `KEYHOLD_ISSUER_URL`. */
  url: string
  /** Throws where no key may sign now. */
  signer: () => IssuerKey
  /** The database's clock. */
  now: () => Date
}

/** One sign-in, whatever became of it. */
export interface SignIn {
  tenantId: string
  roleArn: string
  region: string
  /** The `jti` of the token; undefined: none was made. */
  tokenId: string | undefined
  /** `ok`, `denied`, the fault of the issuer, or `away` where STS did not answer. */
  outcome: string
}

export interface WebIdentity {
  /** @throws KeyholdError `ERR_KMS_DENIED`, `ERR_KMS_ISSUER`, `ERR_KMS_…` with the action `AssumeRoleWithWebIdentity` */
  assume(role: RoleByWebIdentity, region: string): Promise<SessionCredentials>
  /** AWS has refused its session: the next one is another. */
  forget(role: RoleByWebIdentity): void
}

export interface WebIdentityParts {
  /** Undefined: this installation has none. */
  issuer: TokenIssuer | undefined
  sts: Pick<StsCalls, 'ask'>
  onSignIn?: ((signIn: SignIn) => void) | undefined
  /** Monotonic milliseconds. */
  clock?: (() => number) | undefined
}

export function createWebIdentity({
  issuer,
  sts,
  onSignIn = () => undefined,
  clock = () => performance.now(),
}: WebIdentityParts): WebIdentity {
  const sessions = new Map<string, { credentials: SessionCredentials; renewMs: number }>()
  const flights = createSingleFlight<SessionCredentials>()
  const nameOf = ({ arn, subjectTenantId, attempt }: RoleByWebIdentity) =>
    JSON.stringify([subjectTenantId, arn, attempt])

  async function signIn({ arn, subjectTenantId }: RoleByWebIdentity, region: string) {
    let tokenId: string | undefined
    const tell = (outcome: string) => {
      onSignIn({ tenantId: subjectTenantId, roleArn: arn, region, tokenId, outcome })
    }
    try {
      const command = () => {
        const made = makeToken(subjectTenantId, region)
        tokenId = made.id
        return new AssumeRoleWithWebIdentityCommand({
          RoleArn: arn,
          RoleSessionName: sessionNameOf(subjectTenantId),
          WebIdentityToken: made.token,
          DurationSeconds: sessionSeconds,
        })
      }
      const expiration = sessionEnd()
      const answer = await sts.ask(
        webIdentityAction,
        region,
        async (client, options) => {
          try {
            return await client.send(command(), options)
          } catch (error) {
            if (!deservesNewToken(error)) throw error
            return client.send(command(), options)
          }
        },
        (error) => Promise.resolve(explainSignIn(error, region)),
        { isSigned: false },
      )
      const credentials = readSession(answer.Credentials, expiration, { action: webIdentityAction, region })
      tell('ok')
      return credentials
    } catch (error) {
      if (isKeyholdError(error))
        tell(issuerFaultIn(error) ?? (error.code === 'ERR_KMS_DENIED' ? 'denied' : 'away'))
      throw error
    }
  }

  function makeToken(tenantId: string, region: string) {
    if (issuer === undefined) {
      throw new KeyholdError('ERR_KMS_ISSUER', {
        message: 'The key is reached with an identity token, and KEYHOLD_ISSUER_URL is not set.',
        details: { action: webIdentityAction, region, fault: 'key' },
      })
    }
    try {
      const facts = { issuer: issuer.url, tenantId, audience: stsAudience, now: issuer.now() }
      return makeIdentityToken(issuer.signer(), facts)
    } catch (cause) {
      throw issuerFault('key', region, cause)
    }
  }

  return {
    async assume(role, region) {
      const name = nameOf(role)
      const known = role.attempt === undefined ? sessions.get(name) : undefined
      if (known !== undefined && clock() < known.renewMs) return known.credentials
      return flights.share(`${region}/${name}`, async () => {
        const beganMs = clock()
        const credentials = await signIn(role, region)
        if (role.attempt !== undefined) return credentials
        if (sessions.size >= maxSessions) sessions.clear()
        sessions.set(name, { credentials, renewMs: beganMs + sessionSeconds * 1_000 - renewBeforeMs })
        return credentials
      })
    },
    forget(role) {
      sessions.delete(nameOf(role))
    },
  }
}

function sessionNameOf(tenantId: string): string {
  return `keyhold-${tenantId}`.slice(0, maxSessionNameCharacters)
}

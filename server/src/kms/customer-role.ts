// Assumes the roles of customers through AWS STS, for 900 s at a time and always with the tenant's external id; and asks
// STS who Keyhold itself is.
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { KeyholdError, type CustomerRole } from '@keyhold/core'
import { fromAwsError } from './aws-kms-errors.ts'

const sessionSeconds = 900
const connectTimeoutMs = 500
const attemptTimeoutMs = 1_000
const totalTimeoutMs = 1_500

// The AWS SDK compares the end of a session with this clock, so that no other one will do.
// oxlint-disable-next-line clock/database-clock
const localNowMs = () => Date.now()

export interface StsOptions {
  /** Where AWS STS is, for all regions; undefined: AWS itself. */
  stsEndpoint: string | undefined
  /** Undefined: the SDK's standard chain. */
  credentials: { accessKeyId: string; secretAccessKey: string } | undefined
}

/** Credentials of a session of the role. */
export interface SessionCredentials {
  accessKeyId: string
  secretAccessKey: string
  sessionToken: string
  /** By this process's clock, with which the AWS SDK compares it. */
  expiration: Date
}

export interface CustomerRoles {
  /**
   * Begins a session at the STS of `region`.
   *
   * @throws KeyholdError `ERR_KMS_DENIED` with the action `AssumeRole`, `ERR_KMS_…`
   */
  assume(role: CustomerRole, region: string): Promise<SessionCredentials>
  /** The ARN by which key policies name Keyhold: of a session, its role. AWS is asked once. */
  ownPrincipal(region: string): Promise<string>
  close(): void
}

export function createCustomerRoles({ stsEndpoint, credentials }: StsOptions): CustomerRoles {
  const clients = new Map<string, STSClient>()
  let principal: Promise<string> | undefined

  function clientIn(region: string): STSClient {
    let client = clients.get(region)
    if (client === undefined) {
      client = new STSClient({
        region,
        ...(stsEndpoint === undefined ? { ignoreConfiguredEndpointUrls: true } : { endpoint: stsEndpoint }),
        ...(credentials !== undefined && { credentials }),
        maxAttempts: 2,
        requestHandler: {
          connectionTimeout: connectTimeoutMs,
          requestTimeout: attemptTimeoutMs,
          throwOnRequestTimeout: true,
        },
      })
      clients.set(region, client)
    }
    return client
  }

  async function askOwnPrincipal(region: string): Promise<string> {
    try {
      const abortSignal = AbortSignal.timeout(totalTimeoutMs)
      const { Arn: arn = '' } = await clientIn(region).send(new GetCallerIdentityCommand({}), { abortSignal })
      return principalOf(arn)
    } catch (error) {
      throw fromAwsError(error, 'GetCallerIdentity', region)
    }
  }

  return {
    async assume({ arn, externalId }, region) {
      const command = new AssumeRoleCommand({
        RoleArn: arn,
        RoleSessionName: 'keyhold',
        ExternalId: externalId,
        DurationSeconds: sessionSeconds,
      })
      // A session lasts so long from the request on, whatever time AWS has. By a clock that is behind AWS's, the moment that
      // AWS names would come too late; by one that is ahead, every call would begin a session.
      const expiration = new Date(localNowMs() + sessionSeconds * 1_000)
      try {
        const abortSignal = AbortSignal.timeout(totalTimeoutMs)
        const { Credentials: session } = await clientIn(region).send(command, { abortSignal })
        const { AccessKeyId, SecretAccessKey, SessionToken } = session ?? {}
        if (!AccessKeyId || !SecretAccessKey || !SessionToken) {
          throw new KeyholdError('ERR_KMS_FAILED', { details: { action: 'AssumeRole', region } })
        }
        return {
          accessKeyId: AccessKeyId,
          secretAccessKey: SecretAccessKey,
          sessionToken: SessionToken,
          expiration,
        }
      } catch (error) {
        throw fromAwsError(error, 'AssumeRole', region)
      }
    },

    ownPrincipal(region) {
      principal ??= askOwnPrincipal(region).catch((error: unknown) => {
        principal = undefined
        throw error
      })
      return principal
    },

    close() {
      for (const client of clients.values()) client.destroy()
      clients.clear()
    },
  }
}

/** A session's ARN lacks the path of its role. Operators whose role has a path set the principal themselves. */
function principalOf(arn: string): string {
  const [, account, role] = /^arn:aws:sts::(\d{12}):assumed-role\/([^/]+)\//.exec(arn) ?? []
  return account === undefined || role === undefined ? arn : `arn:aws:iam::${account}:role/${role}`
}

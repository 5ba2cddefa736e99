// Assumes the roles of customers through AWS STS, for 900 s at a time and always with the tenant's external id; and asks
// STS who Keyhold itself is.
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { KeyholdError, partitionOf, type CustomerRole } from '@keyhold/core'
import { endpointFor } from './aws-endpoint.ts'
import { fromAwsError } from './errors/aws-kms-errors.ts'
import { createClientsByRegion } from './clients-by-region.ts'
import { createExplainAwsError, type ExplainAwsError } from './errors/explain-denial.ts'
import { createOwnAccount } from './errors/own-account.ts'

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
   * @throws KeyholdError `ERR_KMS_DENIED` or `ERR_KMS_OWN_POLICY` with the action `AssumeRole`, `ERR_KMS_…`
   */
  assume(role: CustomerRole, region: string): Promise<SessionCredentials>
  /** The ARN by which key policies name Keyhold: of a session, its role. AWS is asked once in each partition. */
  ownPrincipal(region: string): Promise<string>
  /** Explains an error of a call to AWS KMS or AWS STS; of a refusal, whose policy it comes from. */
  explain: ExplainAwsError
  close(): void
}

export function createCustomerRoles({ stsEndpoint, credentials }: StsOptions): CustomerRoles {
  const clients = createClientsByRegion(openClient, (client) => {
    client.destroy()
  })
  /** By partition: its accounts and principals are its own. */
  const principals = new Map<string, Promise<string>>()

  function openClient(region: string): STSClient {
    return new STSClient({
      region,
      ...endpointFor('sts', region, stsEndpoint),
      ...(credentials !== undefined && { credentials }),
      maxAttempts: 2,
      requestHandler: {
        connectionTimeout: connectTimeoutMs,
        requestTimeout: attemptTimeoutMs,
        throwOnRequestTimeout: true,
      },
    })
  }

  async function askOwnPrincipal(region: string): Promise<string> {
    try {
      const abortSignal = AbortSignal.timeout(totalTimeoutMs)
      const { Arn: arn = '' } = await clients.use(region, (client) =>
        client.send(new GetCallerIdentityCommand({}), { abortSignal }),
      )
      return principalOf(arn)
    } catch (error) {
      throw fromAwsError(error, 'GetCallerIdentity', region)
    }
  }

  function ownPrincipal(region: string): Promise<string> {
    const partition = partitionOf(region) ?? ''
    const asked =
      principals.get(partition) ??
      askOwnPrincipal(region).catch((error: unknown) => {
        principals.delete(partition)
        throw error
      })
    principals.set(partition, asked)
    return asked
  }

  const explain = createExplainAwsError(createOwnAccount(ownPrincipal, () => performance.now()))

  return {
    ownPrincipal,
    explain,

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
        const { Credentials: session } = await clients.use(region, (client) =>
          client.send(command, { abortSignal }),
        )
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
        throw await explain(error, { action: 'AssumeRole', region })
      }
    },

    close() {
      clients.closeAll()
    },
  }
}

/** A session's ARN lacks the path of its role. Operators whose role has a path set the principal themselves. */
function principalOf(arn: string): string {
  const [, partition, account, role] =
    /^arn:(aws[a-z-]*):sts::(\d{12}):assumed-role\/([^/]+)\//.exec(arn) ?? []
  if (partition === undefined || account === undefined || role === undefined) return arn
  return `arn:${partition}:iam::${account}:role/${role}`
}

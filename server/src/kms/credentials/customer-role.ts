// Assumes the roles of customers through AWS STS, for 900 s at a time and always with the tenant's external id; and asks
// STS who Keyhold itself is.
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { KeyholdError, partitionOf, type CustomerRole } from '@keyhold/core'
import { createSingleFlight } from '../../event-loop/single-flight.ts'
import { createExplainAwsError, type ExplainAwsError } from '../errors/explain-denial.ts'
import { createOwnAccount } from '../errors/own-account.ts'
import { createStsCalls, type StsOptions } from './sts-calls.ts'

const sessionSeconds = 900

// The AWS SDK compares the end of a session with this clock, so that no other one will do.
// oxlint-disable-next-line clock/database-clock
const localNowMs = () => Date.now()

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
  /**
   * The ARN by which key policies name Keyhold: of a session, its role. AWS is asked once in each partition, and again when
   * Keyhold has other credentials: they may be somebody else's.
   */
  ownPrincipal(region: string): Promise<string>
  /** Explains an error of a call to AWS KMS or AWS STS; of a refusal, whose policy it comes from. */
  explain: ExplainAwsError
  close(): void
}

export function createCustomerRoles(options: StsOptions): CustomerRoles {
  const sts = createStsCalls(options)
  const { own } = options
  /** By partition: its accounts and principals are its own. */
  const principals = new Map<string, { principal: string; changes: number }>()
  const flights = createSingleFlight<string>()

  async function askOwnPrincipal(region: string): Promise<string> {
    const command = new GetCallerIdentityCommand({})
    const { Arn: arn = '' } = await sts.ask('GetCallerIdentity', region, (client, o) =>
      client.send(command, o),
    )
    return principalOf(arn)
  }

  async function ownPrincipal(region: string): Promise<string> {
    const partition = partitionOf(region) ?? ''
    // They may have changed and not been read since. Where they cannot be read, who they were is the best answer.
    await own.provide().catch(() => undefined)
    const known = principals.get(partition)
    if (known?.changes === own.changes()) return known.principal
    // Credentials that change during the question have it asked again. A region that does not exist fails those alone who
    // ask for it.
    const changes = own.changes()
    return flights.share(`${region}/${changes}`, async () => {
      const principal = await askOwnPrincipal(region)
      principals.set(partition, { principal, changes })
      return principal
    })
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
      const answer = await sts.ask(
        'AssumeRole',
        region,
        (client, o) => client.send(command, o),
        (error) => explain(error, { action: 'AssumeRole', region }),
      )
      const { AccessKeyId, SecretAccessKey, SessionToken } = answer.Credentials ?? {}
      if (!AccessKeyId || !SecretAccessKey || !SessionToken) {
        throw new KeyholdError('ERR_KMS_FAILED', { details: { action: 'AssumeRole', region } })
      }
      return {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: SessionToken,
        expiration,
      }
    },

    close() {
      sts.close()
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

// Assumes the roles of customers through AWS STS, for 900 s at a time, and always with the tenant's external id or an identity token
// that names the tenant; and asks STS who Keyhold itself is.
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts'
import { partitionOf, type CustomerRole } from '@keyhold/core'
import { createSingleFlight } from '../../event-loop/single-flight.ts'
import { createExplainAwsError, type ExplainAwsError } from '../errors/explain-denial.ts'
import { createOwnAccount } from '../errors/own-account.ts'
import { readSession, sessionEnd, sessionSeconds, type SessionCredentials } from './session.ts'
import { createStsCalls, type StsOptions } from './sts-calls.ts'
import { createWebIdentity, type WebIdentityParts } from './web-identity.ts'

export interface CustomerRoles {
  /**
   * Begins a session at the STS of `region`.
   *
   * @throws KeyholdError `ERR_KMS_DENIED` or `ERR_KMS_OWN_POLICY` with the action `AssumeRole`, `ERR_KMS_DENIED` or
   * `ERR_KMS_ISSUER` with the action `AssumeRoleWithWebIdentity`, `ERR_KMS_…`
   */
  assume(role: CustomerRole, region: string): Promise<SessionCredentials>
  /** AWS has refused the session: it is begun anew. */
  forget(role: CustomerRole): void
  /**
   * The ARN by which key policies name Keyhold: of a session, its role. AWS is asked once in each partition, and again when
   * Keyhold has other credentials: they may be somebody else's.
   */
  ownPrincipal(region: string): Promise<string>
  /** Explains an error of a call to AWS KMS or AWS STS; of a refusal, whose policy it comes from. */
  explain: ExplainAwsError
  close(): void
}

export interface CustomerRolesOptions
  extends StsOptions, Partial<Pick<WebIdentityParts, 'issuer' | 'onSignIn'>> {}

export function createCustomerRoles(options: CustomerRolesOptions): CustomerRoles {
  const sts = createStsCalls(options)
  const { issuer, onSignIn, clock } = options
  const webIdentity = createWebIdentity({ issuer, sts, onSignIn, clock })
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

    async assume(role, region) {
      if (!('externalId' in role)) return webIdentity.assume(role, region)
      const command = new AssumeRoleCommand({
        RoleArn: role.arn,
        RoleSessionName: 'keyhold',
        ExternalId: role.externalId,
        DurationSeconds: sessionSeconds,
      })
      const expiration = sessionEnd()
      const answer = await sts.ask(
        'AssumeRole',
        region,
        (client, o) => client.send(command, o),
        (error) => explain(error, { action: 'AssumeRole', region }),
      )
      return readSession(answer.Credentials, expiration, { action: 'AssumeRole', region })
    },

    forget(role) {
      if (!('externalId' in role)) webIdentity.forget(role)
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

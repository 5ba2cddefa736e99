// AssumeRole of AWS STS: who may become a role, and for how long.
import { KmsError, validationError } from '../kms-error.ts'
import type { AccessRequest } from '../policy/access-request.ts'
import { authorizeByResource } from '../policy/authorize.ts'
import { createRequestFacts } from '../policy/conditions.ts'
import { parsePolicy } from '../policy/parse-policy.ts'
import { principalFacts } from '../policy/principal.ts'
import type { Caller, Callers, Session } from './callers.ts'

const sessionNamePattern = /^[\w+=,.@-]{2,64}$/
const externalIdPattern = /^[\w+=,.@:/-]{2,1224}$/
const minSeconds = 900
const defaultSeconds = 3_600
const maxSeconds = 43_200

/** The members of the request, as they arrived. */
export interface AssumeRoleRequest {
  roleArn: string
  sessionName: string
  externalId: string | undefined
  durationSeconds: string | undefined
  /** A session policy, as text. */
  policy: string | undefined
}

/**
 * @param region - whose endpoint is asked
 * @throws KmsError ValidationException, AccessDenied, RegionDisabledException
 */
export function assumeRole(
  callers: Callers,
  caller: Caller,
  { roleArn, sessionName, externalId, durationSeconds, policy }: AssumeRoleRequest,
  region: string,
  nowMs: number,
): Session {
  const seconds = checkSessionMembers({ sessionName, durationSeconds })
  if (externalId !== undefined && !externalIdPattern.test(externalId)) throw invalidMember('externalId')
  const role = callers.roles.find(roleArn)
  // A role that does not exist looks like one that is forbidden.
  if (role === undefined) throw mayNotAssume(caller, roleArn)
  const request: AccessRequest = {
    caller,
    action: 'sts:AssumeRole',
    resource: roleArn,
    facts: createRequestFacts({
      ...principalFacts(caller),
      'sts:externalid': externalId === undefined ? [] : [externalId],
      'sts:rolesessionname': [sessionName],
    }),
  }
  try {
    authorizeByResource(request, { policy: role.trust, ownerAccount: role.account })
  } catch (error) {
    if (!(error instanceof KmsError)) throw error
    // AWS names a policy of the caller's own side, and says nothing about the role's trust policy.
    const isOwnSide = !error.message.includes('resource-based policy')
    throw isOwnSide ? new KmsError('AccessDenied', error.message, 403) : mayNotAssume(caller, roleArn)
  }
  if (callers.optOuts.has(role.account, region)) {
    throw new KmsError(
      'RegionDisabledException',
      `STS is not activated in this region for account:${role.account}. Your account administrator can activate STS in this region using the IAM Console.`,
      403,
    )
  }
  return callers.startSession(role, {
    name: sessionName,
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + seconds * 1_000,
    policy: policy === undefined ? undefined : parsePolicy(policy, 'identity'),
  })
}

/**
 * Answers how many seconds the session lasts.
 *
 * @throws KmsError ValidationException
 */
export function checkSessionMembers({
  sessionName,
  durationSeconds,
}: Pick<AssumeRoleRequest, 'sessionName' | 'durationSeconds'>): number {
  const seconds = Number(durationSeconds ?? defaultSeconds)
  if (!sessionNamePattern.test(sessionName)) throw invalidMember('roleSessionName')
  if (!(Number.isInteger(seconds) && seconds >= minSeconds && seconds <= maxSeconds))
    throw invalidMember('durationSeconds')
  return seconds
}

function mayNotAssume(caller: Caller, roleArn: string): KmsError {
  return new KmsError(
    'AccessDenied',
    `User: ${caller.arn} is not authorized to perform: sts:AssumeRole on resource: ${roleArn}`,
    403,
  )
}

function invalidMember(name: string): KmsError {
  return validationError(`1 validation error detected: Value at '${name}' failed to satisfy constraint`)
}

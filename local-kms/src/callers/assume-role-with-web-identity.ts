// AssumeRoleWithWebIdentity of AWS STS: whose identity token makes a role, by the trust policy of that role.
import { KmsError } from '../kms-error.ts'
import { authorizeByResource } from '../policy/authorize.ts'
import { createRequestFacts } from '../policy/conditions.ts'
import { partitionOfArn } from '../keys/partition.ts'
import { checkSessionMembers } from './assume-role.ts'
import type { Callers, Session } from './callers.ts'
import { verifyIdentityToken } from './verify-identity-token.ts'

/** The members of the request, as they arrived. */
export interface WebIdentityRequest {
  roleArn: string
  sessionName: string
  token: string
  durationSeconds: string | undefined
}

/** @throws KmsError ValidationException, AccessDenied, InvalidIdentityToken, ExpiredIdentityToken */
export async function assumeRoleWithWebIdentity(
  callers: Callers,
  { roleArn, sessionName, token, durationSeconds }: WebIdentityRequest,
  nowMs: { sessions: number; tokens: number },
): Promise<Session> {
  const seconds = checkSessionMembers({ sessionName, durationSeconds })
  const [, , , , account = ''] = roleArn.split(':')
  const { identityProviders: providers } = callers
  const { issuer, subject, audience } = await verifyIdentityToken(token, {
    ...{ account, providers, nowMs: nowMs.tokens },
  })
  const role = callers.roles.find(roleArn)
  // A role that does not exist looks like one that is forbidden.
  if (role === undefined) throw notAuthorized()
  const name = issuer.replace('https://', '')
  const provider = `arn:${partitionOfArn(roleArn)}:iam::${account}:oidc-provider/${name}`
  const request = {
    // As policies name it among their principals.
    caller: { account, arn: `other:${provider}` },
    action: 'sts:AssumeRoleWithWebIdentity',
    resource: roleArn,
    facts: createRequestFacts({
      [`${name.toLowerCase()}:aud`]: [audience],
      [`${name.toLowerCase()}:sub`]: [subject],
      'aws:federatedprovider': [provider],
      'sts:rolesessionname': [sessionName],
    }),
  }
  try {
    authorizeByResource(request, { policy: role.trust, ownerAccount: role.account })
  } catch (error) {
    if (!(error instanceof KmsError)) throw error
    throw notAuthorized()
  }
  return callers.startSession(role, {
    name: sessionName,
    issuedAtMs: nowMs.sessions,
    expiresAtMs: nowMs.sessions + seconds * 1_000,
    policy: undefined,
  })
}

function notAuthorized(): KmsError {
  return new KmsError('AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', 403)
}

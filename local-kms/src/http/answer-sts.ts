// AWS STS, as much of it as cross-account access needs: AssumeRole, AssumeRoleWithWebIdentity and GetCallerIdentity, in the Query protocol (a form
// in, XML out). The KMS on the same port honours the sessions.
import { assumeRole } from '../callers/assume-role.ts'
import { assumeRoleWithWebIdentity } from '../callers/assume-role-with-web-identity.ts'
import type { Caller, Callers, Session } from '../callers/callers.ts'
import type { KeyStore } from '../keys/key-store.ts'
import { KmsError, toKmsError, validationError } from '../kms-error.ts'
import type { CallCounts } from '../traffic/call-counts.ts'
import type { Faults } from '../traffic/faults.ts'
import { observeCall } from '../traffic/observed-call.ts'
import type { HttpAnswer } from './http-answer.ts'
import type { SignedRequest } from './signed-request.ts'
import { element, stsErrorXml, stsResultXml } from './sts-xml.ts'
import { type Sender, verifySignature } from './verify-signature.ts'

export const formType = 'application/x-www-form-urlencoded'

const webIdentityOperation = 'AssumeRoleWithWebIdentity'
const contentType = 'text/xml'
const maxBodyBytes = 65_536

export interface StsParts {
  callers: Callers
  store: KeyStore
  faults: Faults
  counts: CallCounts
  log: (line: string) => void
}

export async function answerSts(
  parts: StsParts,
  request: SignedRequest,
  clientGone: () => AbortSignal,
): Promise<HttpAnswer> {
  try {
    const xml = await carryOut(parts, request, clientGone)
    return xml === undefined ? 'drop' : { status: 200, contentType, text: xml }
  } catch (error) {
    const { code, message, status } = toStsError(toKmsError(error, parts.log))
    return { status, contentType, text: stsErrorXml(code, message, status) }
  }
}

// Answers XML, or undefined when the connection must end without an answer.
async function carryOut(
  parts: StsParts,
  request: SignedRequest,
  clientGone: () => AbortSignal,
): Promise<string | undefined> {
  if (request.body.length > maxBodyBytes) throw validationError('The request is too large.')
  const { callers, store, faults, counts } = parts
  const form = new URLSearchParams(request.body.toString())
  const operation = form.get('Action') ?? ''
  if (operation === webIdentityOperation) return carryOutUnsigned(parts, request, form, clientGone)
  const { caller, region } = verifySignature(request, 'sts', callers, store.nowMs())
  const observed = observeCall(operation, caller, region, {}, store)
  counts.add(observed)
  if ((await faults.meet(observed, clientGone)) === 'drop') return undefined
  switch (operation) {
    case 'GetCallerIdentity':
      return stsResultXml(operation, identityXml(caller))
    case 'AssumeRole':
      return stsResultXml(operation, assumeRoleXml(callers, { caller, region }, form, store.nowMs()))
    default:
      throw new KmsError('InvalidAction', `local-kms offers no ${operation} of STS.`)
  }
}

/** The token alone counts. A token of a session beside it breaks the call, as at AWS. */
async function carryOutUnsigned(
  { callers, store, faults, counts }: StsParts,
  { headers }: SignedRequest,
  form: URLSearchParams,
  clientGone: () => AbortSignal,
): Promise<string | undefined> {
  if (headers['x-amz-security-token'] !== undefined)
    throw new KmsError('InvalidClientTokenId', 'The security token included in the request is invalid', 403)
  const roleArn = form.get('RoleArn') ?? ''
  const [, , , , account = ''] = roleArn.split(':')
  const observed = observeCall(webIdentityOperation, anonymous(account), unsignedRegion, {}, store)
  counts.add(observed)
  if ((await faults.meet(observed, clientGone)) === 'drop') return undefined
  const sessionName = form.get('RoleSessionName') ?? ''
  const asked = {
    ...{ roleArn, sessionName, token: form.get('WebIdentityToken') ?? '' },
    durationSeconds: form.get('DurationSeconds') ?? undefined,
  }
  // The clock of tokens is the real one, as that of signatures.
  const session = await assumeRoleWithWebIdentity(callers, asked, {
    sessions: store.nowMs(),
    tokens: Date.now(),
  })
  return stsResultXml(webIdentityOperation, sessionXml(session, sessionName))
}

// Nobody has signed, so nobody says which Region is meant.
const unsignedRegion = 'us-east-1'
const anonymous = (account: string): Caller => ({ account, arn: 'anonymous', secretAccessKey: '' })

function identityXml({ arn, account }: Caller): string {
  return `${element('Arn', arn)}${element('UserId', account)}${element('Account', account)}`
}

function assumeRoleXml(
  callers: Callers,
  { caller, region }: Sender,
  form: URLSearchParams,
  nowMs: number,
): string {
  const sessionName = form.get('RoleSessionName') ?? ''
  const request = {
    roleArn: form.get('RoleArn') ?? '',
    sessionName,
    externalId: form.get('ExternalId') ?? undefined,
    durationSeconds: form.get('DurationSeconds') ?? undefined,
    policy: form.get('Policy') ?? undefined,
  }
  return sessionXml(assumeRole(callers, caller, request, region, nowMs), sessionName)
}

function sessionXml(session: Session, sessionName: string): string {
  const { accessKeyId, expiresAtMs } = session
  const { secretAccessKey, sessionToken = '', arn } = session.caller
  const credentials = [
    element('AccessKeyId', accessKeyId),
    element('SecretAccessKey', secretAccessKey),
    element('SessionToken', sessionToken),
    element('Expiration', new Date(expiresAtMs).toISOString().replace(/\.\d+/, '')),
  ]
  const user = `${element('AssumedRoleId', `${accessKeyId}:${sessionName}`)}${element('Arn', arn)}`
  return `<Credentials>${credentials.join('')}</Credentials><AssumedRoleUser>${user}</AssumedRoleUser>`
}

// STS has names of its own for what both services refuse.
const stsErrors: ReadonlyMap<string, { code: string; status: number }> = new Map([
  ['UnrecognizedClientException', { code: 'InvalidClientTokenId', status: 403 }],
  ['ExpiredTokenException', { code: 'ExpiredToken', status: 403 }],
  // STS answers this one alone under the longer name.
  ['ExpiredIdentityToken', { code: 'ExpiredTokenException', status: 400 }],
  ['InvalidSignatureException', { code: 'SignatureDoesNotMatch', status: 403 }],
  ['ThrottlingException', { code: 'Throttling', status: 400 }],
  ['KMSInternalException', { code: 'InternalFailure', status: 500 }],
  ['MalformedPolicyDocumentException', { code: 'MalformedPolicyDocument', status: 400 }],
  ['ValidationException', { code: 'ValidationError', status: 400 }],
])

function toStsError({ name, message, status }: KmsError) {
  return { message, ...(stsErrors.get(name) ?? { code: name, status }) }
}

// AWS STS, as much of it as cross-account access needs: AssumeRole and GetCallerIdentity, in the Query protocol (a form
// in, XML out). The KMS on the same port honours the sessions.
import { assumeRole } from '../callers/assume-role.ts'
import type { Caller, Callers } from '../callers/callers.ts'
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
  { callers, store, faults, counts }: StsParts,
  request: SignedRequest,
  clientGone: () => AbortSignal,
): Promise<string | undefined> {
  if (request.body.length > maxBodyBytes) throw validationError('The request is too large.')
  const { caller, region } = verifySignature(request, 'sts', callers, store.nowMs())
  const form = new URLSearchParams(request.body.toString())
  const operation = form.get('Action') ?? ''
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
  const session = assumeRole(callers, caller, request, region, nowMs)
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
  ['InvalidSignatureException', { code: 'SignatureDoesNotMatch', status: 403 }],
  ['ThrottlingException', { code: 'Throttling', status: 400 }],
  ['KMSInternalException', { code: 'InternalFailure', status: 500 }],
  ['MalformedPolicyDocumentException', { code: 'MalformedPolicyDocument', status: 400 }],
  ['ValidationException', { code: 'ValidationError', status: 400 }],
])

function toStsError({ name, message, status }: KmsError) {
  return { message, ...(stsErrors.get(name) ?? { code: name, status }) }
}

// AWS STS, as much of it as cross-account access needs: AssumeRole and GetCallerIdentity, in the Query protocol (a form
// in, XML out). Sessions are honoured by the KMS on the same port.
import { randomUUID } from 'node:crypto'
import type { CallCounts } from '../traffic/call-counts.ts'
import type { Caller, Callers } from '../callers/callers.ts'
import type { Faults } from '../traffic/faults.ts'
import type { KeyStore } from '../keys/key-store.ts'
import { internalError, KmsError, validationError } from '../kms-error.ts'
import type { ObservedCall } from '../traffic/observed-call.ts'
import { authorizeByKeyPolicy } from '../policy/authorize.ts'
import type { RequestFacts } from '../policy/conditions.ts'
import { type SignedRequest, verifySignature } from './verify-signature.ts'

export const FORM_TYPE = 'application/x-www-form-urlencoded'

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/'
const SESSION_NAME = /^[\w+=,.@-]{2,64}$/
const EXTERNAL_ID = /^[\w+=,.@:/-]{2,1224}$/
const SECONDS = { min: 900, byDefault: 3600, max: 43_200 }
const MAX_BYTES = 65_536

export interface StsParts {
  readonly callers: Callers
  readonly store: KeyStore
  readonly faults: Faults
  readonly counts: CallCounts
  readonly log: (line: string) => void
}

export type StsAnswer = { readonly status: number; readonly xml: string } | 'drop'

export async function answerSts(
  parts: StsParts,
  request: SignedRequest,
  clientGone: () => AbortSignal,
): Promise<StsAnswer> {
  try {
    return await carryOut(parts, request, clientGone)
  } catch (error) {
    if (!(error instanceof KmsError)) {
      parts.log(`local-kms failed: ${error instanceof Error ? (error.stack ?? error.message) : ''}`)
    }
    return errorAnswer(error instanceof KmsError ? error : internalError())
  }
}

async function carryOut(
  { callers, store, faults, counts }: StsParts,
  request: SignedRequest,
  clientGone: () => AbortSignal,
): Promise<StsAnswer> {
  if (request.body.length > MAX_BYTES) throw validationError('The request is too large.')
  const { caller, region } = verifySignature(request, (id) => callers.find(id), Date.now(), {
    service: 'sts',
    sessionsNow: store.now(),
  })
  const form = new URLSearchParams(request.body.toString())
  const operation = form.get('Action') ?? ''
  const observed: ObservedCall = {
    operation,
    region,
    callerAccount: caller.account,
    callerArn: caller.arn,
    keys: [],
  }
  counts.add(observed)
  if ((await faults.meet(observed, clientGone)) === 'drop') return 'drop'
  switch (operation) {
    case 'GetCallerIdentity':
      return result(operation, identityXml(caller))
    case 'AssumeRole':
      return result(operation, assumeRole(callers, caller, form, store.now()))
    default:
      throw new KmsError('InvalidAction', `local-kms offers no ${operation} of STS.`)
  }
}

function identityXml(caller: Caller): string {
  return `${element('Arn', caller.arn)}${element('UserId', caller.account)}${element('Account', caller.account)}`
}

function assumeRole(callers: Callers, caller: Caller, form: URLSearchParams, now: number): string {
  const roleArn = form.get('RoleArn') ?? ''
  const sessionName = form.get('RoleSessionName') ?? ''
  const externalId = form.get('ExternalId') ?? undefined
  const seconds = Number(form.get('DurationSeconds') ?? SECONDS.byDefault)
  if (!SESSION_NAME.test(sessionName)) throw invalidMember('roleSessionName')
  if (externalId !== undefined && !EXTERNAL_ID.test(externalId)) throw invalidMember('externalId')
  if (!(Number.isInteger(seconds) && seconds >= SECONDS.min && seconds <= SECONDS.max)) {
    throw invalidMember('durationSeconds')
  }
  const role = callers.roles.find(roleArn)
  // Whether a role exists is nobody's business.
  if (role === undefined) throw mayNotAssume(caller, roleArn)
  const facts = new Map([
    ['sts:externalid', externalId === undefined ? [] : [externalId]],
    ['sts:rolesessionname', [sessionName]],
    ['aws:principalarn', [caller.roleArn ?? caller.arn]],
    ['aws:principalaccount', [caller.account]],
    ['aws:securetransport', ['true']],
  ])
  const lookUp: RequestFacts = (key) => facts.get(key.toLowerCase())
  try {
    const request = { caller, action: 'sts:AssumeRole', resource: roleArn, facts: lookUp }
    authorizeByKeyPolicy(request, role.trust, role.account)
  } catch (error) {
    throw error instanceof KmsError ? mayNotAssume(caller, roleArn) : error
  }
  const expiresAt = now + seconds * 1000
  const session = callers.begin(role, sessionName, expiresAt)
  const credentials = [
    element('AccessKeyId', session.accessKeyId),
    element('SecretAccessKey', session.caller.secretAccessKey),
    element('SessionToken', session.caller.sessionToken ?? ''),
    element('Expiration', new Date(expiresAt).toISOString().replace(/\.\d+/, '')),
  ]
  const user = `${element('AssumedRoleId', `${session.accessKeyId}:${sessionName}`)}${element('Arn', session.caller.arn)}`
  return `<Credentials>${credentials.join('')}</Credentials><AssumedRoleUser>${user}</AssumedRoleUser>`
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

function result(operation: string, xml: string): StsAnswer {
  const metadata = `<ResponseMetadata>${element('RequestId', randomUUID())}</ResponseMetadata>`
  const name = `${operation}Response`
  const inner = `<${operation}Result>${xml}</${operation}Result>${metadata}`
  return { status: 200, xml: `<${name} xmlns="${NAMESPACE}">${inner}</${name}>` }
}

// STS has names of its own for what both services refuse.
const CODES: ReadonlyMap<string, readonly [code: string, status: number]> = new Map([
  ['UnrecognizedClientException', ['InvalidClientTokenId', 403]],
  ['ExpiredTokenException', ['ExpiredToken', 403]],
  ['InvalidSignatureException', ['SignatureDoesNotMatch', 403]],
  ['ThrottlingException', ['Throttling', 400]],
  ['KMSInternalException', ['InternalFailure', 500]],
  ['ValidationException', ['ValidationError', 400]],
])

function errorAnswer({ name, message, status }: KmsError): StsAnswer {
  const [code, httpStatus] = CODES.get(name) ?? [name, status]
  const type = element('Type', httpStatus < 500 ? 'Sender' : 'Receiver')
  const error = `<Error>${type}${element('Code', code)}${element('Message', message)}</Error>`
  const xml = `<ErrorResponse xmlns="${NAMESPACE}">${error}${element('RequestId', randomUUID())}</ErrorResponse>`
  return { status: httpStatus, xml }
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }

function element(name: string, text: string): string {
  return `<${name}>${text.replace(/[&<>]/g, (one) => ESCAPES[one] ?? one)}</${name}>`
}

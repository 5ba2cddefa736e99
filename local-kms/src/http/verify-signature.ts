// Verifies AWS Signature Version 4 on a request, with the checks, their order and the messages of AWS.
// The credential scope also says which Region the caller is talking to: one endpoint plays them all.
import { createHmac, createSecretKey, hash, type KeyObject, timingSafeEqual } from 'node:crypto'
import type { Caller, Callers } from '../callers/callers.ts'
import { invalidSignature, KmsError } from '../kms-error.ts'
import {
  type AwsService,
  type CredentialScope,
  parseAuthorization,
  parseScope,
  signatureAlgorithm,
  splitOnce,
} from './parse-authorization.ts'
import type { SignedRequest } from './signed-request.ts'

const allowedSkewMs = 5 * 60_000
const maxSigningKeys = 1_000

/** The sender of a request, and the Region that it is for. */
export interface Sender {
  caller: Caller
  region: string
}

/**
 * @param sessionsNowMs - the clock of sessions; the clock of signatures is the real one
 * @throws KmsError that says what is wrong with the signature, as AWS does
 */
export function verifySignature(
  request: SignedRequest,
  service: AwsService,
  callers: Callers,
  sessionsNowMs: number,
): Sender {
  const header = request.headers.authorization?.[0]
  if (header === undefined) {
    throw new KmsError('MissingAuthenticationTokenException', 'Missing Authentication Token')
  }
  const { credential, signedHeaders, signature } = parseAuthorization(header)
  const timestamp = request.headers['x-amz-date']?.[0] ?? request.headers.date?.[0] ?? ''
  const scope = parseScope(credential, timestamp, service)
  const caller = getCaller(request, callers, scope, sessionsNowMs)
  checkAge(timestamp, Date.now())
  checkCoverage(request, signedHeaders)
  const requestHash = hash('sha256', canonicalRequest(request, signedHeaders))
  const text = [signatureAlgorithm, timestamp, scope.text, requestHash].join('\n')
  const expected = createHmac('sha256', signingKey(caller, scope)).update(text).digest()
  const given = Buffer.from(/^[0-9a-f]{64}$/.test(signature) ? signature : '', 'hex')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw invalidSignature(
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    )
  }
  // An account is unknown in a Region that it has not enabled.
  if (callers.optOuts.has(caller.account, scope.region)) throw unknownToken()
  return { caller, region: scope.region }
}

function getCaller(
  request: SignedRequest,
  callers: Callers,
  { accessKeyId, region }: CredentialScope,
  sessionsNowMs: number,
): Caller {
  const caller = callers.find(accessKeyId, region)
  if (caller === undefined || caller.sessionToken !== request.headers['x-amz-security-token']?.[0]) {
    throw unknownToken()
  }
  if (caller.expiresAtMs !== undefined && caller.expiresAtMs <= sessionsNowMs) {
    throw new KmsError('ExpiredTokenException', 'The security token included in the request is expired')
  }
  return caller
}

function unknownToken(): KmsError {
  return new KmsError('UnrecognizedClientException', 'The security token included in the request is invalid.')
}

function checkAge(timestamp: string, nowMs: number): void {
  const signedMs = Date.parse(timestamp.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'))
  const earliestMs = nowMs - allowedSkewMs
  const latestMs = nowMs + allowedSkewMs
  // A date such as 20261399T999999Z parses to NaN and is refused by the same comparison.
  if (!(signedMs >= earliestMs)) {
    throw invalidSignature(
      `Signature expired: ${timestamp} is now earlier than ${basicDate(earliestMs)} (${basicDate(nowMs)} - 5 min.)`,
    )
  }
  if (signedMs > latestMs) {
    throw invalidSignature(
      `Signature not yet current: ${timestamp} is still later than ${basicDate(latestMs)} (${basicDate(nowMs)} + 5 min.)`,
    )
  }
}

// An unsigned X-Amz-Target would let anybody on the path turn Encrypt into DisableKey.
function checkCoverage(request: SignedRequest, signedHeaders: readonly string[]): void {
  for (const name of ['host', ...Object.keys(request.headers).filter((name) => name.startsWith('x-amz-'))]) {
    if (!signedHeaders.includes(name)) {
      throw invalidSignature(`'${name}' must be a 'SignedHeader' in the AWS Authorization.`)
    }
  }
}

function canonicalRequest(request: SignedRequest, signedHeaders: readonly string[]): string {
  const [path, query] = splitOnce(request.target, '?')
  const headers = signedHeaders.map((name) => {
    const values = request.headers[name] ?? []
    return `${name}:${values.map((value) => value.trim().replace(/ +/g, ' ')).join(',')}\n`
  })
  return [
    request.method,
    path,
    query.split('&').sort().join('&'),
    headers.join(''),
    signedHeaders.join(';'),
    hash('sha256', request.body),
  ].join('\n')
}

// A key serves one day and one Region. Deriving it costs four HMACs, as much as the rest of the verification.
const signingKeys = new Map<string, KeyObject>()

function signingKey({ secretAccessKey }: Caller, { text }: CredentialScope): KeyObject {
  const name = JSON.stringify([secretAccessKey, text])
  const cached = signingKeys.get(name)
  if (cached !== undefined) return cached
  let bytes = Buffer.from(`AWS4${secretAccessKey}`)
  for (const part of text.split('/')) bytes = createHmac('sha256', bytes).update(part).digest()
  const key = createSecretKey(bytes)
  if (signingKeys.size >= maxSigningKeys) signingKeys.clear()
  signingKeys.set(name, key)
  return key
}

function basicDate(timeMs: number): string {
  return new Date(timeMs).toISOString().replace(/[-:]|\.\d+/g, '')
}

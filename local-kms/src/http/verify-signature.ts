// Verifies AWS Signature Version 4 on a request, with the checks, their order and the messages of AWS.
// The credential scope also says which Region the caller is talking to: one endpoint plays them all.
import { createHash, createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { isRegion } from '../keys/kms-arn.ts'
import type { Caller } from '../callers/callers.ts'
import { KmsError } from '../kms-error.ts'

const ALGORITHM = 'AWS4-HMAC-SHA256'
const ALLOWED_SKEW_MS = 5 * 60_000

export interface SignedRequest {
  readonly method: string
  /** The request target as received: path and query. */
  readonly target: string
  /** Lower-case names; each value as received, in order. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>
  readonly body: Buffer
}

export type Service = 'kms' | 'sts'

export interface Credential {
  readonly caller: Caller
  readonly region: string
}

const badSignature = (message: string): KmsError => new KmsError('InvalidSignatureException', message)

/** @throws KmsError naming what is wrong with the signature, as AWS does. */
export function verifySignature(
  request: SignedRequest,
  findCaller: (accessKeyId: string) => Caller | undefined,
  now: number,
  { service = 'kms', sessionsNow = now }: { service?: Service; sessionsNow?: number } = {},
): Credential {
  const authorization = request.headers.authorization?.[0]
  if (authorization === undefined) {
    throw new KmsError('MissingAuthenticationTokenException', 'Missing Authentication Token')
  }
  const { credential, signedHeaders, signature } = parseAuthorization(authorization)
  const timestamp = request.headers['x-amz-date']?.[0] ?? request.headers.date?.[0] ?? ''
  const scope = parseScope(credential, timestamp, service)
  const caller = findCaller(scope.accessKeyId)
  const sessionToken = request.headers['x-amz-security-token']?.[0]
  if (caller === undefined || caller.sessionToken !== sessionToken) {
    throw new KmsError(
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    )
  }
  if (caller.expiresAt !== undefined && caller.expiresAt <= sessionsNow) {
    throw new KmsError('ExpiredTokenException', 'The security token included in the request is expired')
  }
  checkAge(timestamp, now)
  checkCoverage(request, signedHeaders)
  const text = [ALGORITHM, timestamp, scope.text, sha256(canonicalRequest(request, signedHeaders))].join('\n')
  const expected = createHmac('sha256', signingKey(caller, scope.date, scope.region, service))
    .update(text)
    .digest()
  const given = Buffer.from(/^[0-9a-f]{64}$/.test(signature) ? signature : '', 'hex')
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    throw badSignature(
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    )
  }
  return { caller, region: scope.region }
}

function parseAuthorization(header: string) {
  const [algorithm, rest] = splitOnce(header.trim(), ' ')
  if (algorithm !== ALGORITHM) {
    throw new KmsError('IncompleteSignatureException', `Unsupported AWS 'algorithm': '${algorithm}'.`)
  }
  const parts = new Map(rest.split(',').map((part) => splitOnce(part.trim(), '=')))
  const credential = parts.get('Credential') ?? ''
  const signedHeaders = parts.get('SignedHeaders') ?? ''
  const signature = parts.get('Signature') ?? ''
  const missing = Object.entries({
    Credential: credential,
    Signature: signature,
    SignedHeaders: signedHeaders,
  })
    .filter(([, value]) => value === '')
    .map(([name]) => `Authorization header requires '${name}' parameter.`)
  if (missing.length > 0) throw new KmsError('IncompleteSignatureException', missing.join(' '))
  return { credential, signature, signedHeaders: signedHeaders.split(';') }
}

function parseScope(credential: string, timestamp: string, expected: Service) {
  const [accessKeyId = '', date = '', region = '', service, terminator, ...more] = credential.split('/')
  if (terminator === undefined || more.length > 0) {
    throw new KmsError(
      'IncompleteSignatureException',
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`,
    )
  }
  if (!/^\d{8}T\d{6}Z$/.test(timestamp)) {
    throw new KmsError(
      'IncompleteSignatureException',
      `Date must be in ISO-8601 'basic format'. Got '${timestamp}'. See http://en.wikipedia.org/wiki/ISO_8601`,
    )
  }
  if (date !== timestamp.slice(0, 8)) {
    throw badSignature(
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${date}' != '${timestamp.slice(0, 8)}', from '${timestamp}'.`,
    )
  }
  if (!isRegion(region)) throw badSignature('Credential should be scoped to a valid region.')
  if (service !== expected)
    throw badSignature(`Credential should be scoped to correct service: '${expected}'.`)
  if (terminator !== 'aws4_request') {
    throw badSignature(
      `Credential should be scoped with a valid terminator: 'aws4_request', not '${terminator}'.`,
    )
  }
  return { accessKeyId, date, region, text: `${date}/${region}/${expected}/aws4_request` }
}

function checkAge(timestamp: string, now: number): void {
  const signed = Date.parse(timestamp.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'))
  const earliest = now - ALLOWED_SKEW_MS
  const latest = now + ALLOWED_SKEW_MS
  // A date such as 20261399T999999Z parses to NaN and is refused by the same comparison.
  if (!(signed >= earliest)) {
    throw badSignature(
      `Signature expired: ${timestamp} is now earlier than ${basicDate(earliest)} (${basicDate(now)} - 5 min.)`,
    )
  }
  if (signed > latest) {
    throw badSignature(
      `Signature not yet current: ${timestamp} is still later than ${basicDate(latest)} (${basicDate(now)} + 5 min.)`,
    )
  }
}

// An unsigned X-Amz-Target would let anybody on the path turn Encrypt into DisableKey.
function checkCoverage(request: SignedRequest, signedHeaders: readonly string[]): void {
  for (const name of ['host', ...Object.keys(request.headers).filter((name) => name.startsWith('x-amz-'))]) {
    if (!signedHeaders.includes(name)) {
      throw badSignature(`'${name}' must be a 'SignedHeader' in the AWS Authorization.`)
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
    sha256(request.body),
  ].join('\n')
}

// The key changes once a day and Region; deriving it costs four HMACs, as much as all the rest.
const signingKeys = new Map<string, KeyObject>()

function signingKey(caller: Caller, date: string, region: string, service: Service): KeyObject {
  const name = JSON.stringify([caller.secretAccessKey, date, region, service])
  const cached = signingKeys.get(name)
  if (cached !== undefined) return cached
  let bytes = Buffer.from(`AWS4${caller.secretAccessKey}`)
  for (const part of [date, region, service, 'aws4_request']) {
    bytes = createHmac('sha256', bytes).update(part).digest()
  }
  const key = createSecretKey(bytes)
  if (signingKeys.size >= 1000) signingKeys.clear()
  signingKeys.set(name, key)
  return key
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator)
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)]
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}

function basicDate(time: number): string {
  return new Date(time).toISOString().replace(/[-:]|\.\d+/g, '')
}

// Translates errors of AWS KMS into Keyhold's closed set of causes. The exception's name decides, never the HTTP status:
// almost every refusal of AWS KMS is a 400.
import { awsRegions, KeyholdError, type ErrorCode } from '@keyhold/core'
import { proxyErrorIn } from '../proxied-agent.ts'
import { codeOfInvalidState } from './invalid-state.ts'

const codeByName: Readonly<Record<string, ErrorCode>> = {
  AccessDeniedException: 'ERR_KMS_DENIED',
  // AWS STS uses this name when a role may not be assumed. The tenant's key is then denied as by its own policy.
  AccessDenied: 'ERR_KMS_DENIED',
  DisabledException: 'ERR_KMS_KEY_DISABLED',
  NotFoundException: 'ERR_KMS_KEY_NOT_FOUND',
  InvalidKeyUsageException: 'ERR_KMS_KEY_WRONG_USAGE',
  UnsupportedOperationException: 'ERR_KMS_KEY_WRONG_USAGE',
  InvalidCiphertextException: 'ERR_KMS_INVALID_CIPHERTEXT',
  IncorrectKeyException: 'ERR_KMS_INVALID_CIPHERTEXT',

  ThrottlingException: 'ERR_KMS_THROTTLED',
  Throttling: 'ERR_KMS_THROTTLED',
  LimitExceededException: 'ERR_KMS_THROTTLED',
  TooManyRequestsException: 'ERR_KMS_THROTTLED',
  RequestLimitExceeded: 'ERR_KMS_THROTTLED',

  TimeoutError: 'ERR_KMS_TIMEOUT',
  AbortError: 'ERR_KMS_TIMEOUT',
  DependencyTimeoutException: 'ERR_KMS_TIMEOUT',

  KeyUnavailableException: 'ERR_KMS_FAILED',
  KMSInternalException: 'ERR_KMS_FAILED',
  InternalFailure: 'ERR_KMS_FAILED',
  ServiceUnavailable: 'ERR_KMS_FAILED',

  CredentialsProviderError: 'ERR_KMS_CREDENTIALS',
  UnrecognizedClientException: 'ERR_KMS_CREDENTIALS',
  InvalidClientTokenId: 'ERR_KMS_CREDENTIALS',
  InvalidSignatureException: 'ERR_KMS_CREDENTIALS',
  IncompleteSignatureException: 'ERR_KMS_CREDENTIALS',
  MissingAuthenticationTokenException: 'ERR_KMS_CREDENTIALS',
  ExpiredTokenException: 'ERR_KMS_CREDENTIALS',
  ExpiredToken: 'ERR_KMS_CREDENTIALS',
  SignatureDoesNotMatch: 'ERR_KMS_CREDENTIALS',
  OptInRequired: 'ERR_KMS_CREDENTIALS',
  RegionDisabledException: 'ERR_KMS_CREDENTIALS',
  RequestExpired: 'ERR_KMS_CREDENTIALS',
  TokenRefreshRequired: 'ERR_KMS_CREDENTIALS',
  InvalidAccessKeyId: 'ERR_KMS_CREDENTIALS',
  InvalidToken: 'ERR_KMS_CREDENTIALS',
  InvalidTokenException: 'ERR_KMS_CREDENTIALS',
  AuthFailure: 'ERR_KMS_CREDENTIALS',
  MissingAuthenticationToken: 'ERR_KMS_CREDENTIALS',
  IncompleteSignature: 'ERR_KMS_CREDENTIALS',
  RequestTimeTooSkewed: 'ERR_KMS_CREDENTIALS',
}

const networkCodes = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
])

// Where other credentials would not help, or AWS was not asked.
const notOfCredentials = new Set(['CredentialsProviderError', 'OptInRequired', 'RegionDisabledException'])

/** Whether AWS has refused the credentials with which a request was signed: expired, unknown, or not those of the signature. */
export function credentialsRefused(error: unknown): boolean {
  if (!(error instanceof Error) || notOfCredentials.has(error.name)) return false
  return Object.hasOwn(codeByName, error.name) && codeByName[error.name] === 'ERR_KMS_CREDENTIALS'
}

/** Whether an exception of that name says that there were too many requests. */
export function isThrottlingName(name: string): boolean {
  return Object.hasOwn(codeByName, name) && codeByName[name] === 'ERR_KMS_THROTTLED'
}

function codeOf(error: Error): ErrorCode {
  if (error.name === 'KMSInvalidStateException') return codeOfInvalidState(error.message)
  // The code is read before the name, since the SDK calls a connection that was cut a TimeoutError too. The SDK gives a
  // request on which it has itself given up the code of a connection that timed out; only the latter names a system call.
  const isGivenUp = 'code' in error && error.code === 'ETIMEDOUT' && !('syscall' in error)
  if (!isGivenUp && 'code' in error && typeof error.code === 'string' && networkCodes.has(error.code))
    return 'ERR_KMS_UNREACHABLE'
  const byName = Object.hasOwn(codeByName, error.name) ? codeByName[error.name] : undefined
  if (byName !== undefined) return byName
  // An unknown error must not be a denial, which would lock a tenant.
  return 'ERR_KMS_FAILED'
}

/** Makes a Keyhold error of what the AWS SDK threw. It names action and region, and never quotes AWS. */
export function fromAwsError(error: unknown, action: string, region: string): KeyholdError {
  if (error instanceof KeyholdError) return error
  const refused = proxyErrorIn(error)
  if (refused !== undefined) {
    return new KeyholdError('ERR_KMS_PROXY', {
      message: refused.message,
      cause: error,
      details: { action, region },
    })
  }
  const code = error instanceof Error ? codeOf(error) : 'ERR_KMS_FAILED'
  const message = isUnknownHost(error) ? unknownRegion(region) : refusedMessage(error, region)
  return new KeyholdError(code, {
    ...(message !== undefined && { message }),
    cause: error,
    details: { action, region },
  })
}

function isUnknownHost(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOTFOUND'
}

// A region that is in no list may be a new one, or a wrong name.
function unknownRegion(region: string): string | undefined {
  if (awsRegions.has(region)) return undefined
  return `AWS has no address for the region ${region}: check its name.`
}

// AWS calls the credentials of an account unknown in a region that the account has not enabled.
function refusedMessage(error: unknown, region: string): string | undefined {
  if (!credentialsRefused(error)) return undefined
  return `Keyhold's own credentials are not accepted in ${region}. If they are accepted elsewhere and ${region} is a region that accounts must opt in to, enable it in the account that calls.`
}

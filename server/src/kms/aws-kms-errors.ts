// From what AWS KMS answers to Keyhold's closed set of causes. Told by the exception's name, never by the HTTP
// status: almost every refusal of AWS KMS is a 400.
import { KeyholdError, type ErrorCode } from '@keyhold/core'

const codeByName: Readonly<Record<string, ErrorCode>> = {
  AccessDeniedException: 'ERR_KMS_DENIED',
  // By this name AWS STS refuses to let a role be assumed: to the tenant the key is as far away as by its own policy.
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

/** Whether an exception of that name says that there were too many requests. */
export function isThrottlingName(name: string): boolean {
  return Object.hasOwn(codeByName, name) && codeByName[name] === 'ERR_KMS_THROTTLED'
}

function codeOf(error: Error): ErrorCode {
  // One exception for several states; only its message tells them apart.
  if (error.name === 'KMSInvalidStateException') {
    return /pending (replica )?deletion/i.test(error.message)
      ? 'ERR_KMS_KEY_PENDING_DELETION'
      : 'ERR_KMS_KEY_NOT_READY'
  }
  // Before the name: the SDK calls a connection that was cut a TimeoutError too. And a request on which the SDK itself has
  // given up it gives the code of a connection that the network gave up on; only the latter names a system call.
  const isGivenUp = 'code' in error && error.code === 'ETIMEDOUT' && !('syscall' in error)
  if (!isGivenUp && 'code' in error && typeof error.code === 'string' && networkCodes.has(error.code))
    return 'ERR_KMS_UNREACHABLE'
  const byName = Object.hasOwn(codeByName, error.name) ? codeByName[error.name] : undefined
  if (byName !== undefined) return byName
  // Whatever is unknown is neither a denial, which would lock a tenant, nor a success.
  return 'ERR_KMS_FAILED'
}

/** A Keyhold error for what the AWS SDK threw; its message names action and region, never what AWS said. */
export function fromAwsError(error: unknown, action: string, region: string): KeyholdError {
  if (error instanceof KeyholdError) return error
  const code = error instanceof Error ? codeOf(error) : 'ERR_KMS_FAILED'
  return new KeyholdError(code, { cause: error, details: { action, region } })
}

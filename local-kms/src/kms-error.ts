// The errors that AWS KMS answers. Every client error travels as HTTP 400, whatever number the service model names
// (404, 409, 412): recordings of AWS show it so. Clients tell errors apart by name.

export class KmsError extends Error {
  readonly status: number
  /** AWS sends no message with some errors (InvalidCiphertextException, UnknownOperationException). */
  readonly hasMessage: boolean

  constructor(name: string, message?: string, status = 400) {
    super(message ?? '')
    this.name = name
    this.hasMessage = message !== undefined
    this.status = status
  }
}

/** The error that a client gets for `error`. Errors that AWS does not know are logged, and answered as internal. */
export function toKmsError(error: unknown, log: (line: string) => void): KmsError {
  if (error instanceof KmsError) return error
  log(`local-kms failed: ${error instanceof Error ? (error.stack ?? error.message) : ''}`)
  return internalError()
}

export function validationError(message: string): KmsError {
  return new KmsError('ValidationException', message)
}

export function serializationError(message: string): KmsError {
  return new KmsError('SerializationException', message)
}

export function invalidSignature(message: string): KmsError {
  return new KmsError('InvalidSignatureException', message)
}

export function invalidCiphertext(): KmsError {
  return new KmsError('InvalidCiphertextException')
}

export function unsupportedOperation(message: string): KmsError {
  return new KmsError('UnsupportedOperationException', message)
}

export function malformedPolicy(message: string): KmsError {
  return new KmsError('MalformedPolicyDocumentException', message)
}

export function notFound(message: string): KmsError {
  return new KmsError('NotFoundException', message)
}

export function limitExceeded(message: string): KmsError {
  return new KmsError('LimitExceededException', message)
}

export function throttled(): KmsError {
  return new KmsError(
    'ThrottlingException',
    'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  )
}

export function internalError(): KmsError {
  return new KmsError('KMSInternalException', 'An internal error occurred. The request can be retried.', 500)
}

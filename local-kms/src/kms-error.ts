// What AWS KMS answers when it refuses. Every client error travels as HTTP 400, whatever number the service
// model names (404, 409, 412): that is how recordings of AWS have it. Clients tell errors apart by name.

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

export const validationError = (message: string): KmsError => new KmsError('ValidationException', message)

export const invalidCiphertext = (): KmsError => new KmsError('InvalidCiphertextException')

export const unsupportedOperation = (message: string): KmsError =>
  new KmsError('UnsupportedOperationException', message)

export const malformedPolicy = (message: string): KmsError =>
  new KmsError('MalformedPolicyDocumentException', message)

export const notFound = (message: string): KmsError => new KmsError('NotFoundException', message)

/** Wrong key, wrong Region, deleted key and missing permission look alike, so that nothing is disclosed. */
export const unreachableCiphertextKey = (): KmsError =>
  new KmsError(
    'AccessDeniedException',
    'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
  )

export const throttled = (): KmsError =>
  new KmsError(
    'ThrottlingException',
    'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  )

export const internalError = (): KmsError =>
  new KmsError('KMSInternalException', 'An internal error occurred. The request can be retried.', 500)

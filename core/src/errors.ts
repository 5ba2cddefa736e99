// Every error that Keyhold can answer, by code. Codes are the API; summaries may be reworded.
// HTTP statuses are not decided here but in contract/.

const errorTable = {
  // The request
  ERR_INVALID_REQUEST: { summary: 'The request is malformed.', retryable: false },
  ERR_UNAUTHENTICATED: { summary: 'The access token is missing or not valid.', retryable: false },
  ERR_FORBIDDEN: { summary: "The access token's role does not allow this.", retryable: false },
  ERR_ROUTE_NOT_FOUND: { summary: 'There is no such route.', retryable: false },
  ERR_METHOD_NOT_ALLOWED: { summary: 'The route does not have this method.', retryable: false },
  ERR_REQUEST_TIMEOUT: { summary: 'The request did not arrive in time.', retryable: true },
  ERR_PAYLOAD_TOO_LARGE: { summary: 'The request is too large.', retryable: false },
  ERR_HEADERS_TOO_LARGE: { summary: 'The headers of the request are too large.', retryable: false },
  ERR_UNSUPPORTED_MEDIA_TYPE: {
    summary: 'The content type or content encoding is not supported here.',
    retryable: false,
  },
  ERR_INTERNAL: { summary: 'Something went wrong on the server.', retryable: true },

  // Tenants and API keys
  ERR_TENANT_NOT_FOUND: { summary: 'There is no such tenant.', retryable: false },
  ERR_TENANT_EXISTS: { summary: 'A tenant with this id exists already.', retryable: false },
  ERR_TENANT_LOCKED: {
    summary: 'The tenant is locked by its administrator: nothing is encrypted or decrypted.',
    retryable: false,
  },
  ERR_TENANT_IN_USE: { summary: 'The tenant still holds data keys.', retryable: false },
  ERR_API_KEY_NOT_FOUND: { summary: 'There is no such API key.', retryable: false },

  // Key providers
  ERR_ARN_INVALID: { summary: 'The structure of the key ARN is invalid.', retryable: false },
  ERR_FINGERPRINT_INVALID: {
    summary: 'The fingerprint has characters that no fingerprint has.',
    retryable: false,
  },
  ERR_FINGERPRINT_TOO_LONG: { summary: 'The fingerprint is too long.', retryable: false },
  ERR_KEY_PROVIDER_NOT_FOUND: {
    summary: 'There is no key provider with this fingerprint.',
    retryable: false,
  },
  ERR_KEY_PROVIDER_EXISTS: { summary: 'This key is registered already.', retryable: false },
  ERR_KEY_PROVIDER_IN_USE: { summary: 'The key provider is in use.', retryable: false },
  ERR_KEY_PROVIDER_DEFAULT: { summary: 'The default key provider does not support this.', retryable: false },
  ERR_KEY_PROVIDER_RECORD_INVALID: {
    summary: 'The stored key providers could not be loaded.',
    retryable: false,
  },
  ERR_KEY_UNUSABLE: { summary: 'The key cannot protect a tenant.', retryable: false },
  ERR_KEY_SINGLE_REGION: { summary: 'The key is a single-region key.', retryable: false },
  ERR_KEY_POLICY_TOO_WIDE: {
    summary: 'The key policy admits every tenant, for lack of a condition on the encryption context.',
    retryable: false,
  },
  ERR_ROLE_ARN_INVALID: { summary: 'The structure of the role ARN is invalid.', retryable: false },
  ERR_ROLE_WITHOUT_EXTERNAL_ID: {
    summary: "The role can be assumed without this tenant's external id.",
    retryable: false,
  },
  'Encryption-88': { summary: 'The key policy does not allow a required action.', retryable: false },

  // The key management service
  ERR_KMS_DENIED: { summary: 'The key policy denies access to the key.', retryable: false },
  ERR_KMS_KEY_DISABLED: { summary: 'The key is disabled.', retryable: false },
  ERR_KMS_KEY_PENDING_DELETION: { summary: 'The key is scheduled for deletion.', retryable: false },
  ERR_KMS_KEY_NOT_FOUND: { summary: 'The key does not exist.', retryable: false },
  ERR_KMS_KEY_NOT_READY: { summary: 'The key is not ready for use.', retryable: true },
  ERR_KMS_KEY_WRONG_USAGE: { summary: 'The key is not made for symmetric encryption.', retryable: false },
  ERR_KMS_INVALID_CIPHERTEXT: { summary: 'The key does not open what is stored under it.', retryable: false },
  ERR_KMS_THROTTLED: { summary: 'The key management service refuses more calls for now.', retryable: true },
  ERR_KMS_TIMEOUT: { summary: 'The key management service did not answer in time.', retryable: true },
  ERR_KMS_UNREACHABLE: { summary: 'The key management service cannot be reached.', retryable: true },
  ERR_KMS_FAILED: { summary: 'The key management service failed.', retryable: true },
  ERR_KMS_BUDGET: {
    summary: "Keyhold's own budget of calls to the key management service is used up for now.",
    retryable: true,
  },
  ERR_KMS_CREDENTIALS: {
    summary: "Keyhold's own credentials for the key management service are not accepted.",
    retryable: true,
  },

  // Migrations
  ERR_MIGRATION_RUNNING: { summary: 'A migration is already running for this tenant.', retryable: true },
  ERR_MIGRATION_TARGET_CURRENT: { summary: 'The tenant already uses this key provider.', retryable: false },
  ERR_MIGRATION_NOT_STARTED: { summary: 'The migration could not be initiated.', retryable: false },
  ERR_MIGRATION_NOT_PREPARED: { summary: 'The migration could not be prepared.', retryable: true },
  ERR_MIGRATION_NOT_FOUND: { summary: 'There is no migration for this tenant.', retryable: false },
  ERR_MIGRATION_ENDED: { summary: 'The migration has ended.', retryable: false },
  ERR_MIGRATION_FAILURES_OPEN: {
    summary: 'Cipherkeys that do not open hold the migration up.',
    retryable: false,
  },
  ERR_MIGRATION_FAILURE_NOT_FOUND: {
    summary: 'The migration has not set these cipherkeys aside.',
    retryable: false,
  },
  ERR_MIGRATION_REPORT_NOT_FOUND: { summary: 'The migration has no report yet.', retryable: false },
  ERR_TOO_MANY_STREAMS: { summary: 'Too many event streams are open here.', retryable: true },
  ERR_MIGRATION_RECORD_INVALID: { summary: 'The stored migration could not be loaded.', retryable: false },

  // Destructions
  ERR_DESTRUCTION_NOT_FOUND: { summary: 'There is no such destruction.', retryable: false },
  ERR_DESTRUCTION_SCHEDULED: { summary: 'The destruction is scheduled already.', retryable: false },
  ERR_DESTRUCTION_ENDED: { summary: 'What was to be destroyed is destroyed.', retryable: false },

  // Drills
  ERR_DRILL_NOT_FOUND: { summary: 'The tenant has not been drilled.', retryable: false },
  ERR_DRILL_RUNNING: { summary: 'The tenant is being drilled.', retryable: true },

  // Data
  ERR_DECRYPTION_FAILED: { summary: 'The value cannot be decrypted.', retryable: false },
  ERR_TOKEN_INVALID: { summary: 'The token is not in the form of a Keyhold token.', retryable: false },
  ERR_CONTEXT_INVALID: { summary: 'The encryption context is not valid.', retryable: false },
  ERR_KEY_NAME_INVALID: { summary: 'The key name is not valid.', retryable: false },
  ERR_KEY_NAME_NOT_FOUND: { summary: 'The tenant has no data key of this name.', retryable: false },
  ERR_KEY_VERSION_RETIRED: {
    summary: "The data key's version is below the minimum version for decryption.",
    retryable: false,
  },
  ERR_MINIMUM_VERSION_INVALID: {
    summary: 'The minimum version is above the active version of the data key.',
    retryable: false,
  },
  ERR_KEY_CACHE_TTL_INVALID: {
    summary: 'The time for which keys are to be held is outside of what the installation allows.',
    retryable: false,
  },
  ERR_KEY_NAME_QUOTA: { summary: 'The tenant has as many key names as it may have.', retryable: false },
  ERR_PLAINTEXT_INVALID: { summary: 'The plaintext is not in canonical base64.', retryable: false },
  ERR_ITEM_TOO_LARGE: { summary: 'The item is too large.', retryable: false },
  ERR_KEY_INTEGRITY: { summary: 'A stored key does not match its key check value.', retryable: false },

  // The service
  ERR_SEALED: {
    summary: 'The service is sealed: it does not hold the root key of this database.',
    retryable: true,
  },
  ERR_DATABASE_UNAVAILABLE: { summary: 'The database is not available.', retryable: true },

  // Starting
  ERR_CONFIG_INVALID: { summary: 'A setting is not valid.', retryable: false },
  ERR_DATA_DIR_IN_USE: { summary: 'Another process uses the data directory.', retryable: false },
  ERR_EMBEDDED_POSTGRES: { summary: 'The embedded PostgreSQL could not be started.', retryable: false },
  ERR_DATABASE_UNSAFE: {
    summary: 'The database is set up so that it can lose committed keys.',
    retryable: false,
  },
  ERR_DATABASE_UNSUPPORTED: { summary: 'The database server is too old.', retryable: false },
  ERR_SCHEMA_NEWER: {
    summary: 'The database has a newer schema than this version of Keyhold.',
    retryable: false,
  },
  ERR_ROOT_KEY_INVALID: { summary: 'The root key file is not valid.', retryable: false },
} as const satisfies Record<string, { summary: string; retryable: boolean }>

/** A code of the error table; codes never change their meaning and are never reused. */
export type ErrorCode = keyof typeof errorTable

/** All codes, in the order of the table. */
export const errorCodes = Object.keys(errorTable) as ErrorCode[]

/** One sentence that says what the code means, whatever the occasion. */
export function errorSummary(code: ErrorCode): string {
  return errorTable[code].summary
}

/** Whether the same request may succeed later without a change by the caller. */
export function isRetryable(code: ErrorCode): boolean {
  return errorTable[code].retryable
}

/** The parts of an error besides its code. None may hold a secret, a plaintext, a token or a whole input. */
export interface KeyholdErrorOptions {
  /** The caller sees it: it says what happened this time. Default: the code's summary. */
  message?: string
  cause?: unknown
  /** Facts for the program that handles the error. */
  details?: Readonly<Record<string, string>>
}

// The SDK hands the class out: an error that cannot be made would hide the one that it was made for.
const summaries: Partial<Record<string, { summary: string }>> = errorTable

/** The one error class. Tell errors apart by `code`, not by class: a code survives HTTP. */
export class KeyholdError extends Error {
  readonly code: ErrorCode
  readonly details: Readonly<Record<string, string>>

  constructor(code: ErrorCode, options?: KeyholdErrorOptions | null) {
    const { message = summaries[code]?.summary ?? code, cause, details = {} } = options ?? {}
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'KeyholdError'
    this.code = code
    this.details = details
  }
}

/** Whether `error` is a Keyhold error, with one of `codes` where codes are given. */
export function isKeyholdError(error: unknown, ...codes: ErrorCode[]): error is KeyholdError {
  return error instanceof KeyholdError && (codes.length === 0 || codes.includes(error.code))
}

// Every error that Keyhold can answer, by code. Codes are the API; summaries may be reworded.
// HTTP statuses are not decided here but in contract/.

/**
 * The meaning of an error for the key that protects a tenant. Everything that Keyhold does after an error hangs on it.
 *
 * - `denial`: the answer is no. It is the customer's will, or the state of the key: whatever is held under the key ends
 *   at once, and no other region may stand in.
 * - `damage`: the key answered, but a stored key does not open, or is not the key that was stored. It is a sign of
 *   tampering with the rows of one tenant, and ends what is held for that tenant.
 * - `outage`: there is no answer for now. It says nothing about the customer's will: what is held runs out by its own
 *   time, and another region may stand in.
 * - `ours`: Keyhold itself refuses, by its rules, limits, credentials or state. It says nothing about the key, and
 *   nothing follows from it for the keys that are held.
 */
export type ErrorKind = 'denial' | 'damage' | 'outage' | 'ours'

export const errorTable = {
  // The request
  ERR_INVALID_REQUEST: { summary: 'The request is malformed.', retryable: false, kind: 'ours' },
  ERR_UNAUTHENTICATED: {
    summary: 'The access token is missing or not valid.',
    retryable: false,
    kind: 'ours',
  },
  ERR_FORBIDDEN: { summary: "The access token's role does not allow this.", retryable: false, kind: 'ours' },
  ERR_SCOPE_MISSING: {
    summary: 'The access token lacks the scope for this.',
    retryable: false,
    kind: 'ours',
  },
  ERR_ROUTE_NOT_FOUND: { summary: 'There is no such route.', retryable: false, kind: 'ours' },
  ERR_DOCS_NOT_INSTALLED: {
    summary: 'The documentation is not installed beside this server.',
    retryable: false,
    kind: 'ours',
  },
  ERR_CONSOLE_NOT_INSTALLED: {
    summary: 'The console is not installed beside this server.',
    retryable: false,
    kind: 'ours',
  },
  ERR_METHOD_NOT_ALLOWED: { summary: 'The route does not have this method.', retryable: false, kind: 'ours' },
  ERR_REQUEST_TIMEOUT: { summary: 'The request did not arrive in time.', retryable: true, kind: 'ours' },
  ERR_PAYLOAD_TOO_LARGE: { summary: 'The request is too large.', retryable: false, kind: 'ours' },
  ERR_HEADERS_TOO_LARGE: {
    summary: 'The headers of the request are too large.',
    retryable: false,
    kind: 'ours',
  },
  ERR_UNSUPPORTED_MEDIA_TYPE: {
    summary: 'The content type or content encoding is not supported here.',
    retryable: false,
    kind: 'ours',
  },
  // The original's code and words.
  'HTTP-429': { summary: 'API rate limit reached.', retryable: true, kind: 'ours' },
  ERR_TOO_MANY_UNKNOWN_KEYS: {
    summary: 'Too many API keys that nobody has, or JWTs that do not hold, came from this address.',
    retryable: true,
    kind: 'ours',
  },
  ERR_ISSUER_UNREACHABLE: {
    summary: 'The keys of the issuer of the JWT are not known: it could not be reached.',
    retryable: true,
    kind: 'ours',
  },
  ERR_FOREIGN_ORIGIN: {
    summary: 'A page that is not of this server has sent the request in the name of a session.',
    retryable: false,
    kind: 'ours',
  },
  // The original's codes: its clients get another token, and send the request again.
  'CSRF-TOKEN-2': {
    summary: 'The header qlik-csrf-token is missing or wrong: get it from GET /api/v1/csrf-token.',
    retryable: false,
    kind: 'ours',
  },
  'CSRF-TOKEN-4': {
    summary: 'Only a session in a cookie has a CSRF token; an access token needs none.',
    retryable: false,
    kind: 'ours',
  },
  ERR_SIGN_IN_AGAIN: {
    summary: 'This wants a sign-in of the last five minutes: sign in again, and repeat it.',
    retryable: false,
    kind: 'ours',
  },
  ERR_SIGN_IN_OFF: {
    summary: 'Signing in like this is switched off on this installation.',
    retryable: false,
    kind: 'ours',
  },
  ERR_SIGN_IN_FAILED: {
    summary: 'This sign-in was not begun here, is too old, or its answer does not hold: sign in again.',
    retryable: false,
    kind: 'ours',
  },
  ERR_SIGN_IN_REFUSED: {
    summary: 'The identity provider knows this account, and it has no role here.',
    retryable: false,
    kind: 'ours',
  },
  ERR_LINK_OVER: {
    summary: 'This link does not work any more: it was used, has ended or was withdrawn. Ask for a new one.',
    retryable: false,
    kind: 'ours',
  },
  ERR_SETUP_LINK_NOT_FOUND: { summary: 'There is no such setup link.', retryable: false, kind: 'ours' },
  ERR_SESSION_NOT_FOUND: { summary: 'There is no such session.', retryable: false, kind: 'ours' },
  ERR_PUBLIC_URL_NOT_SET: {
    summary: 'No session is kept in a cookie until the operator has set KEYHOLD_PUBLIC_URL, or TLS.',
    retryable: false,
    kind: 'ours',
  },
  ERR_INTERNAL: { summary: 'Something went wrong on the server.', retryable: true, kind: 'ours' },

  // Tenants and API keys
  ERR_TENANT_NOT_FOUND: { summary: 'There is no such tenant.', retryable: false, kind: 'ours' },
  ERR_TENANT_EXISTS: { summary: 'A tenant with this id exists already.', retryable: false, kind: 'ours' },
  ERR_TENANT_LOCKED: {
    summary: 'The tenant is locked by its administrator: nothing is encrypted or decrypted.',
    retryable: false,
    kind: 'ours',
  },
  ERR_TENANT_IN_USE: { summary: 'The tenant still holds data keys.', retryable: false, kind: 'ours' },
  ERR_API_KEY_NOT_FOUND: { summary: 'There is no such API key.', retryable: false, kind: 'ours' },
  ERR_API_KEY_TOO_WIDE: {
    summary: 'The API key would allow more than the one that makes it.',
    retryable: false,
    kind: 'ours',
  },
  ERR_SCOPE_OUTSIDE_ROLE: {
    summary: 'A scope names a permission that the role of the API key does not have.',
    retryable: false,
    kind: 'ours',
  },
  ERR_API_KEY_QUOTA: {
    summary: 'The tenant has reached its limit of API keys: delete those that have ended.',
    retryable: false,
    kind: 'ours',
  },
  ERR_API_KEY_ROTATING: {
    summary: 'The API key is being replaced, or replaces one that is still valid: end the older one first.',
    retryable: false,
    kind: 'ours',
  },
  ERR_API_KEY_LAST_OPERATOR: {
    summary: 'This is the last API key of an operator that holds.',
    retryable: false,
    kind: 'ours',
  },
  ERR_API_KEY_ADDRESSES: {
    summary: 'Requests come through a proxy that KEYHOLD_TRUSTED_PROXIES does not name.',
    retryable: false,
    kind: 'ours',
  },
  ERR_REPLICAS_OLDER: {
    summary: 'Replicas of the version before are still running: repeat this when all are replaced.',
    retryable: true,
    kind: 'ours',
  },

  // Key providers
  ERR_ARN_INVALID: { summary: 'The structure of the key ARN is invalid.', retryable: false, kind: 'ours' },
  ERR_FINGERPRINT_INVALID: {
    summary: 'The fingerprint has characters that are not allowed in one.',
    retryable: false,
    kind: 'ours',
  },
  ERR_FINGERPRINT_TOO_LONG: { summary: 'The fingerprint is too long.', retryable: false, kind: 'ours' },
  ERR_KEY_PROVIDER_NOT_FOUND: {
    summary: 'There is no key provider with this fingerprint.',
    retryable: false,
    kind: 'ours',
  },
  ERR_KEY_PROVIDER_EXISTS: { summary: 'This key is registered already.', retryable: false, kind: 'ours' },
  ERR_KEY_PROVIDER_IN_USE: { summary: 'The key provider is in use.', retryable: false, kind: 'ours' },
  ERR_KEY_PROVIDER_DEFAULT: {
    summary: 'The default key provider does not support this.',
    retryable: false,
    kind: 'ours',
  },
  ERR_KEY_PROVIDER_RECORD_INVALID: {
    summary: 'The stored key providers could not be loaded.',
    retryable: false,
    kind: 'ours',
  },
  ERR_KEY_UNUSABLE: { summary: 'The key cannot protect a tenant.', retryable: false, kind: 'ours' },
  ERR_KEY_SINGLE_REGION: { summary: 'The key is a single-region key.', retryable: false, kind: 'ours' },
  ERR_KEY_POLICY_TOO_WIDE: {
    summary:
      'The key policy, or a grant, admits every tenant: it has no condition on the encryption context.',
    retryable: false,
    kind: 'ours',
  },
  ERR_KEY_ALIAS_MOVED: {
    summary: 'The alias names another key than it did when it was registered.',
    retryable: false,
    kind: 'ours',
  },
  ERR_ROLE_ARN_INVALID: {
    summary: 'The structure of the role ARN is invalid.',
    retryable: false,
    kind: 'ours',
  },
  ERR_ROLE_WITHOUT_EXTERNAL_ID: {
    summary: "The role can be assumed without this tenant's external id.",
    retryable: false,
    kind: 'ours',
  },
  ERR_ROLE_TRUST_TOO_WIDE: {
    summary: 'The role can be assumed with the identity token of another tenant.',
    retryable: false,
    kind: 'ours',
  },
  ERR_ISSUER_NOT_SET: {
    summary: 'This installation is no issuer of identity tokens: KEYHOLD_ISSUER_URL is not set.',
    retryable: false,
    kind: 'ours',
  },
  'Encryption-88': {
    summary: 'A policy does not allow a required action.',
    retryable: false,
    kind: 'denial',
  },

  // The key management service
  ERR_KMS_DENIED: { summary: 'A policy denies access to the key.', retryable: false, kind: 'denial' },
  ERR_KMS_KEY_DISABLED: { summary: 'The key is disabled.', retryable: false, kind: 'denial' },
  ERR_KMS_KEY_PENDING_DELETION: {
    summary: 'The key is scheduled for deletion.',
    retryable: false,
    kind: 'denial',
  },
  ERR_KMS_KEY_NOT_FOUND: { summary: 'The key does not exist.', retryable: false, kind: 'denial' },
  ERR_KMS_KEY_PENDING_IMPORT: {
    summary: 'The key has no key material: what was imported was deleted or has expired.',
    retryable: false,
    kind: 'denial',
  },
  // Also a state that this version does not know: the KMS has answered no.
  ERR_KMS_KEY_NOT_READY: { summary: 'The key is not ready for use.', retryable: false, kind: 'denial' },
  ERR_KMS_KEY_WRONG_USAGE: {
    summary: 'The key is not made for symmetric encryption.',
    retryable: false,
    kind: 'denial',
  },
  ERR_KMS_INVALID_CIPHERTEXT: {
    summary: 'The key does not open a key that is stored under it.',
    retryable: false,
    kind: 'damage',
  },
  // A key in an external key store: what the proxy or the key manager behind it has answered.
  ERR_KMS_EXTERNAL_KEY_DENIED: {
    summary: "The key's external key store denies access to it.",
    retryable: false,
    kind: 'denial',
  },
  ERR_KMS_EXTERNAL_KEY_DISABLED: {
    summary: 'The key is disabled in its external key manager.',
    retryable: false,
    kind: 'denial',
  },
  ERR_KMS_EXTERNAL_KEY_NOT_FOUND: {
    summary: 'The key does not exist in its external key manager.',
    retryable: false,
    kind: 'denial',
  },
  // The custom key store of one customer's keys. It says nothing about the region, which serves all others.
  ERR_KMS_KEY_STORE_UNREACHABLE: {
    summary: "The key's custom key store cannot be reached, or does not answer as it should.",
    retryable: true,
    kind: 'outage',
  },
  ERR_KMS_KEY_STORE_THROTTLED: {
    summary: "The key's custom key store refuses more calls for now.",
    retryable: true,
    kind: 'outage',
  },
  ERR_KMS_THROTTLED: {
    summary: 'The key management service refuses more calls for now.',
    retryable: true,
    kind: 'outage',
  },
  ERR_KMS_TIMEOUT: {
    summary: 'The key management service did not answer in time.',
    retryable: true,
    kind: 'outage',
  },
  ERR_KMS_UNREACHABLE: {
    summary: 'The key management service cannot be reached.',
    retryable: true,
    kind: 'outage',
  },
  ERR_KMS_PROXY: {
    summary: 'The proxy to the key management service (HTTPS_PROXY) refuses, or cannot be reached.',
    retryable: true,
    kind: 'outage',
  },
  ERR_KMS_ISSUER: {
    summary: "Keyhold's own identity tokens cannot be checked by the key management service.",
    retryable: true,
    kind: 'outage',
  },
  ERR_KMS_FAILED: { summary: 'The key management service failed.', retryable: true, kind: 'outage' },
  ERR_KMS_BUDGET: {
    summary: "Keyhold's own budget of calls to the key management service is used up for now.",
    retryable: true,
    kind: 'ours',
  },
  ERR_KMS_CREDENTIALS: {
    summary: "Keyhold's own credentials for the key management service are not accepted.",
    retryable: true,
    kind: 'ours',
  },
  ERR_KMS_OWN_POLICY: {
    summary: "A policy of Keyhold's own AWS account does not let Keyhold use the key.",
    retryable: true,
    kind: 'ours',
  },

  // Migrations
  ERR_MIGRATION_RUNNING: {
    summary: 'A migration is already running for this tenant.',
    retryable: true,
    kind: 'ours',
  },
  ERR_MIGRATION_TARGET_CURRENT: {
    summary: 'The tenant already uses this key provider.',
    retryable: false,
    kind: 'ours',
  },
  ERR_MIGRATION_NOT_STARTED: {
    summary: 'The migration could not be initiated.',
    retryable: false,
    kind: 'ours',
  },
  ERR_MIGRATION_NOT_PREPARED: {
    summary: 'The migration could not be prepared.',
    retryable: true,
    kind: 'ours',
  },
  ERR_MIGRATION_PLAN_OUTDATED: {
    summary: 'The plan of the migration does not hold any more: plan anew, and look at it.',
    retryable: false,
    kind: 'ours',
  },
  ERR_MIGRATION_NOT_FOUND: {
    summary: 'There is no migration for this tenant.',
    retryable: false,
    kind: 'ours',
  },
  ERR_MIGRATION_ENDED: { summary: 'The migration has ended.', retryable: false, kind: 'ours' },
  ERR_MIGRATION_FAILURES_OPEN: {
    summary: 'Cipherkeys that do not open hold the migration up.',
    retryable: false,
    kind: 'ours',
  },
  ERR_MIGRATION_FAILURE_NOT_FOUND: {
    summary: 'The migration has not set these cipherkeys aside.',
    retryable: false,
    kind: 'ours',
  },
  ERR_MIGRATION_REPORT_NOT_FOUND: {
    summary: 'The migration has no report yet.',
    retryable: false,
    kind: 'ours',
  },
  ERR_TOO_MANY_STREAMS: { summary: 'Too many event streams are open here.', retryable: true, kind: 'ours' },
  ERR_MIGRATION_RECORD_INVALID: {
    summary: 'The stored migration could not be loaded.',
    retryable: false,
    kind: 'ours',
  },

  // Destructions
  ERR_DESTRUCTION_NOT_FOUND: { summary: 'There is no such destruction.', retryable: false, kind: 'ours' },
  ERR_DESTRUCTION_SCHEDULED: {
    summary: 'The destruction is scheduled already.',
    retryable: false,
    kind: 'ours',
  },
  ERR_DESTRUCTION_QUOTA: {
    summary: 'The tenant has reached its limit of destructions that are scheduled.',
    retryable: false,
    kind: 'ours',
  },
  ERR_DESTRUCTION_ENDED: {
    summary: 'The destruction is completed, and cannot be undone.',
    retryable: false,
    kind: 'ours',
  },

  // Drills
  ERR_SETUP_NOT_FOUND: {
    summary: 'There is no draft of the key set-up, or it has expired.',
    retryable: false,
    kind: 'ours',
  },
  ERR_SETUP_CHANGED: {
    summary: 'Somebody else has changed the draft of the key set-up: read it again.',
    retryable: false,
    kind: 'ours',
  },
  ERR_BRAND_INVALID: {
    summary: 'The colour, the logo or a link of the brand is not allowed.',
    retryable: false,
    kind: 'ours',
  },
  ERR_BRAND_NOT_FOUND: { summary: 'No brand is set.', retryable: false, kind: 'ours' },
  ERR_DRILL_NOT_FOUND: { summary: 'The tenant has had no drill yet.', retryable: false, kind: 'ours' },
  ERR_DRILL_RUNNING: { summary: 'A drill of the tenant is running.', retryable: true, kind: 'ours' },

  // Data
  ERR_DECRYPTION_FAILED: { summary: 'The value cannot be decrypted.', retryable: false, kind: 'ours' },
  ERR_TOKEN_INVALID: {
    summary: 'The token does not have the form of a Keyhold token.',
    retryable: false,
    kind: 'ours',
  },
  ERR_CONTEXT_INVALID: { summary: 'The encryption context is not valid.', retryable: false, kind: 'ours' },
  ERR_KEY_NAME_INVALID: { summary: 'The key name is not valid.', retryable: false, kind: 'ours' },
  ERR_KEY_NAME_NOT_FOUND: {
    summary: 'The tenant has no data key of this name.',
    retryable: false,
    kind: 'ours',
  },
  ERR_KEY_VERSION_RETIRED: {
    summary: "The data key's version is below the minimum version for decryption.",
    retryable: false,
    kind: 'ours',
  },
  ERR_MINIMUM_VERSION_QUOTA: {
    summary: 'The tenant has reached its limit of data keys with a minimum version.',
    retryable: false,
    kind: 'ours',
  },
  ERR_MINIMUM_VERSION_INVALID: {
    summary: 'The minimum version is above the active version of the data key.',
    retryable: false,
    kind: 'ours',
  },
  ERR_KEY_CACHE_TTL_INVALID: {
    summary: 'The time for holding keys is outside of the limits of the installation.',
    retryable: false,
    kind: 'ours',
  },
  ERR_KEY_NAME_QUOTA: {
    summary: 'The tenant has reached its limit of key names.',
    retryable: false,
    kind: 'ours',
  },
  ERR_LEASE_KEY_NOT_FOUND: {
    summary: 'The tenant has no data key for local encryption yet.',
    retryable: false,
    kind: 'ours',
  },
  ERR_LEASE_QUOTA: {
    summary: 'The tenant has reached its limit of leases that run at a time.',
    retryable: true,
    kind: 'ours',
  },
  ERR_PLAINTEXT_INVALID: {
    summary: 'The plaintext is not in canonical base64.',
    retryable: false,
    kind: 'ours',
  },
  ERR_ITEM_TOO_LARGE: { summary: 'The item is too large.', retryable: false, kind: 'ours' },
  ERR_KEY_ACCESS_UNKNOWN: {
    summary: 'The record of how a stored key is reached in its KMS is missing.',
    retryable: false,
    kind: 'ours',
  },
  ERR_KEY_INTEGRITY: {
    summary: 'A stored key does not match its key check value.',
    retryable: false,
    kind: 'damage',
  },

  ERR_RECORD_NOT_AUTHENTIC: {
    summary:
      'A stored record is not as Keyhold wrote it last. An operator runs keyhold-server doctor --integrity.',
    retryable: false,
    kind: 'ours',
  },
  ERR_ROOT_KEY_OUTDATED: {
    summary: 'This replica holds an older root key than the database needs.',
    retryable: true,
    kind: 'ours',
  },

  // Addresses that somebody else names
  ERR_ADDRESS_REFUSED: {
    summary: 'The URL names an address that Keyhold does not call.',
    retryable: false,
    kind: 'ours',
  },
  ERR_ADDRESS_UNREACHABLE: {
    summary: 'The URL did not answer as it should.',
    retryable: true,
    kind: 'ours',
  },

  // The service
  ERR_SEALED: {
    summary: 'The service is sealed: it does not hold the root key of this database.',
    retryable: true,
    kind: 'ours',
  },
  ERR_QUARANTINED: {
    summary:
      'The database is older than this replica knows. An operator may run keyhold-server confirm-restore.',
    retryable: true,
    kind: 'ours',
  },
  ERR_DATABASE_UNAVAILABLE: { summary: 'The database is not available.', retryable: true, kind: 'ours' },
  ERR_TENANT_BUSY: {
    summary: "The tenant's share of this replica is in use: try again in a moment.",
    retryable: true,
    kind: 'ours',
  },
  ERR_SERVER_BUSY: {
    summary: 'This replica has too much to do now: try again in a moment.',
    retryable: true,
    kind: 'ours',
  },

  // Starting
  ERR_CONFIG_INVALID: { summary: 'A setting is not valid.', retryable: false, kind: 'ours' },
  ERR_DATA_DIR_IN_USE: {
    summary: 'Another process uses the data directory.',
    retryable: false,
    kind: 'ours',
  },
  ERR_EMBEDDED_POSTGRES: {
    summary: 'The embedded PostgreSQL could not be started.',
    retryable: false,
    kind: 'ours',
  },
  ERR_DATABASE_UNSAFE: {
    summary:
      'The database could lose committed keys, run functions of others, share its sessions, or be another one than it says.',
    retryable: false,
    kind: 'ours',
  },
  ERR_DATABASE_UNSUPPORTED: { summary: 'The database server is too old.', retryable: false, kind: 'ours' },
  ERR_SCHEMA_NEWER: {
    summary: 'The database has a newer schema than this version of Keyhold.',
    retryable: false,
    kind: 'ours',
  },
  ERR_SCHEMA_OLDER: {
    summary: 'The schema is older than this version of Keyhold, and the database role may not change it.',
    retryable: false,
    kind: 'ours',
  },
  ERR_SIGNING_KEY_MISSING: {
    summary: 'The signing key of the installation is missing, or is not the one that it had.',
    retryable: false,
    kind: 'ours',
  },
  ERR_SIGNING_KEY_ROTATION: {
    summary: 'The signing key cannot be replaced now, or was replaced meanwhile.',
    retryable: false,
    kind: 'ours',
  },
  ERR_ADOPTION_BLOCKED: {
    summary: 'The rows of the database cannot be adopted yet.',
    retryable: false,
    kind: 'ours',
  },
  ERR_STATE_FILE_INVALID: {
    summary: 'A file in the state folder is not as Keyhold wrote it, or everybody may write to the folder.',
    retryable: false,
    kind: 'ours',
  },
  ERR_RESTORE_BLOCKED: {
    summary: 'The older database cannot be confirmed now.',
    retryable: false,
    kind: 'ours',
  },
  ERR_ROOT_KEY_INVALID: { summary: 'The root key file is not valid.', retryable: false, kind: 'ours' },
} as const satisfies Record<string, { summary: string; retryable: boolean; kind: ErrorKind }>

/** A code of the error table; codes never change their meaning and are never reused. */
export type ErrorCode = keyof typeof errorTable

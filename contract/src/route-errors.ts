// The codes that each route may answer with, for descriptions of the API. The servers of tests refuse to answer with another.
import { errorCodes, kindOf, type ErrorCode } from '@keyhold/core/errors'
import type { Route } from './route.ts'
import { routes, type RouteId } from './routes.ts'

const onAll: readonly ErrorCode[] = [
  'ERR_INVALID_REQUEST',
  'ERR_UNAUTHENTICATED',
  'ERR_FORBIDDEN',
  'ERR_SCOPE_MISSING',
  'ERR_PAYLOAD_TOO_LARGE',
  'ERR_UNSUPPORTED_MEDIA_TYPE',
  'ERR_REQUEST_TIMEOUT',
  'HTTP-429',
  'ERR_TOO_MANY_UNKNOWN_KEYS',
  // Of a caller by the cookie of a session.
  'ERR_FOREIGN_ORIGIN',
  'ERR_ISSUER_UNREACHABLE',
  'ERR_INTERNAL',
  'ERR_RECORD_NOT_AUTHENTIC',
  'ERR_ROOT_KEY_OUTDATED',
  'ERR_SEALED',
  'ERR_QUARANTINED',
  'ERR_DATABASE_UNAVAILABLE',
  'ERR_SERVER_BUSY',
  // The tenant of the request may be deleted, or use up its share.
  'ERR_TENANT_NOT_FOUND',
  'ERR_TENANT_BUSY',
]

const inPath: Readonly<Record<string, readonly ErrorCode[]>> = {
  arnFingerPrint: [
    'ERR_FINGERPRINT_INVALID',
    'ERR_FINGERPRINT_TOO_LONG',
    'ERR_KEY_PROVIDER_NOT_FOUND',
    'ERR_KEY_PROVIDER_DEFAULT',
  ],
  keyName: ['ERR_KEY_NAME_INVALID', 'ERR_KEY_NAME_NOT_FOUND'],
  migrationId: ['ERR_MIGRATION_NOT_FOUND'],
  destructionId: ['ERR_DESTRUCTION_NOT_FOUND'],
  apiKeyId: ['ERR_API_KEY_NOT_FOUND'],
  sessionId: ['ERR_SESSION_NOT_FOUND'],
  setupLinkId: ['ERR_SETUP_LINK_NOT_FOUND'],
}

/** The answers of a KMS: it refuses, what it keeps is damaged, or it is away. */
const kms: readonly ErrorCode[] = [
  ...errorCodes.filter((code) => kindOf(code) !== 'ours'),
  'ERR_KMS_BUDGET',
  'ERR_KMS_CREDENTIALS',
  'ERR_KMS_OWN_POLICY',
  'ERR_ROLE_WITHOUT_EXTERNAL_ID',
  'ERR_ROLE_TRUST_TOO_WIDE',
  'ERR_KEY_ACCESS_UNKNOWN',
]
const tenantKey: readonly ErrorCode[] = [...kms, 'ERR_TENANT_LOCKED']
const octets: readonly ErrorCode[] = ['ERR_CONTEXT_INVALID', 'ERR_KEY_NAME_INVALID', 'ERR_ITEM_TOO_LARGE']
const opening: readonly ErrorCode[] = [
  'ERR_TOKEN_INVALID',
  'ERR_DECRYPTION_FAILED',
  'ERR_KEY_VERSION_RETIRED',
]
const registration: readonly ErrorCode[] = [
  ...kms,
  'ERR_ARN_INVALID',
  'ERR_ROLE_ARN_INVALID',
  'ERR_ISSUER_NOT_SET',
  'ERR_KEY_UNUSABLE',
  'ERR_KEY_SINGLE_REGION',
  'ERR_KEY_POLICY_TOO_WIDE',
]
const registered: readonly ErrorCode[] = ['ERR_KEY_PROVIDER_RECORD_INVALID']
const start: readonly ErrorCode[] = [
  ...tenantKey,
  ...registered,
  'ERR_MIGRATION_RUNNING',
  'ERR_MIGRATION_TARGET_CURRENT',
  'ERR_MIGRATION_NOT_STARTED',
  'ERR_MIGRATION_NOT_PREPARED',
  'ERR_KEY_ALIAS_MOVED',
  'ERR_KEY_POLICY_TOO_WIDE',
  'ERR_KEY_UNUSABLE',
]
const drill: readonly ErrorCode[] = [...tenantKey, 'ERR_DRILL_RUNNING', 'ERR_KEY_SINGLE_REGION']
const stored: readonly ErrorCode[] = ['ERR_MIGRATION_RECORD_INVALID']

const own: Readonly<Partial<Record<RouteId, readonly ErrorCode[]>>> = {
  listKeyProviders: registered,
  listAllKeyProviders: registered,
  getKeyProvider: registered,
  createKeyProvider: [...registration, ...registered, 'ERR_KEY_PROVIDER_EXISTS', 'ERR_REPLICAS_OLDER'],
  checkKeyProvider: registration,
  watchKeyChecks: [...registration, 'ERR_TOO_MANY_STREAMS'],
  getKeyPolicy: [
    'ERR_ARN_INVALID',
    'ERR_ROLE_ARN_INVALID',
    'ERR_ISSUER_NOT_SET',
    'ERR_KEY_SINGLE_REGION',
    ...kms,
  ],
  resetToDefaultProvider: [...start, 'ERR_MIGRATION_PLAN_OUTDATED'],
  getMigrationDetails: ['ERR_MIGRATION_NOT_FOUND', ...stored, ...registered],
  patchKeyProvider: registered,
  deleteKeyProvider: [...registered, 'ERR_KEY_PROVIDER_IN_USE', ...stored],
  migrateToKeyProvider: [...start, ...stored, 'ERR_MIGRATION_PLAN_OUTDATED'],
  testKeyProvider: [...registration, ...registered, 'ERR_KEY_ALIAS_MOVED'],
  planMigration: [...start, ...stored],
  getKeyProviderUsage: [...registered, ...stored],
  getKeyProviderHealth: registered,
  getOverview: [...registered, ...stored],
  watchTenant: ['ERR_TOO_MANY_STREAMS'],
  listMigrations: stored,
  getMigration: stored,
  watchMigration: [...stored, 'ERR_TOO_MANY_STREAMS'],
  getMigrationReport: ['ERR_MIGRATION_REPORT_NOT_FOUND'],
  retryMigration: [...stored, 'ERR_MIGRATION_ENDED'],
  acceptMigrationFailures: [...stored, 'ERR_MIGRATION_ENDED', 'ERR_MIGRATION_FAILURE_NOT_FOUND'],
  destroyMigrationFailures: [
    ...stored,
    'ERR_MIGRATION_FAILURE_NOT_FOUND',
    'ERR_DESTRUCTION_SCHEDULED',
    'ERR_DESTRUCTION_QUOTA',
  ],
  cancelMigration: [...stored, ...tenantKey, 'ERR_MIGRATION_ENDED', 'ERR_MIGRATION_NOT_PREPARED'],
  rotateTenantKey: start,
  changeTenantSettings: ['ERR_KEY_CACHE_TTL_INVALID'],
  runDrDrill: drill,
  runDrDrillOfTenant: drill,
  saveSetup: ['ERR_SETUP_CHANGED'],
  getSetup: ['ERR_SETUP_NOT_FOUND'],
  deleteSetup: ['ERR_SETUP_NOT_FOUND'],
  saveBrand: ['ERR_BRAND_INVALID'],
  deleteBrand: ['ERR_BRAND_NOT_FOUND'],
  getDrDrill: ['ERR_DRILL_NOT_FOUND'],
  getDrDrillOfTenant: ['ERR_DRILL_NOT_FOUND'],
  encrypt: [...tenantKey, ...octets, 'ERR_PLAINTEXT_INVALID', 'ERR_KEY_NAME_QUOTA'],
  decrypt: [...tenantKey, ...octets, ...opening],
  reencrypt: tenantKey,
  createDataKeyLease: [...tenantKey, 'ERR_LEASE_QUOTA'],
  unwrapDataKey: [...tenantKey, ...opening, 'ERR_LEASE_QUOTA'],
  getBlindIndexKey: [...tenantKey, 'ERR_KEY_NAME_INVALID', 'ERR_KEY_NAME_QUOTA', 'ERR_LEASE_QUOTA'],
  rotateDataKey: tenantKey,
  setMinimumVersion: [...tenantKey, 'ERR_MINIMUM_VERSION_INVALID', 'ERR_MINIMUM_VERSION_QUOTA'],
  endLeaseKey: [...tenantKey, 'ERR_LEASE_KEY_NOT_FOUND'],
  destroyDataKey: ['ERR_DESTRUCTION_SCHEDULED', 'ERR_DESTRUCTION_QUOTA'],
  cancelDestruction: ['ERR_DESTRUCTION_ENDED'],
  endSession: ['ERR_SESSION_NOT_FOUND'],
  getCsrfToken: ['CSRF-TOKEN-4'],
  createSession: ['ERR_LINK_OVER', 'ERR_SIGN_IN_OFF', 'ERR_PUBLIC_URL_NOT_SET'],
  createSetupLink: [
    'ERR_API_KEY_TOO_WIDE',
    'ERR_API_KEY_QUOTA',
    'ERR_REPLICAS_OLDER',
    'ERR_PUBLIC_URL_NOT_SET',
  ],
  deleteSetupLink: ['ERR_API_KEY_TOO_WIDE'],
  createTenant: [...kms, 'ERR_TENANT_EXISTS'],
  createApiKey: [
    'ERR_API_KEY_TOO_WIDE',
    'ERR_SCOPE_OUTSIDE_ROLE',
    'ERR_API_KEY_QUOTA',
    'ERR_API_KEY_ADDRESSES',
    'ERR_REPLICAS_OLDER',
  ],
  renameApiKey: ['ERR_API_KEY_TOO_WIDE'],
  rotateApiKey: ['ERR_API_KEY_TOO_WIDE', 'ERR_API_KEY_QUOTA', 'ERR_API_KEY_ROTATING', 'ERR_REPLICAS_OLDER'],
  deleteApiKey: ['ERR_API_KEY_TOO_WIDE', 'ERR_API_KEY_LAST_OPERATOR'],
  deleteTenant: ['ERR_TENANT_IN_USE'],
  scheduleTenantDeletion: ['ERR_DESTRUCTION_SCHEDULED', 'ERR_DESTRUCTION_QUOTA'],
  cancelTenantDeletion: ['ERR_DESTRUCTION_NOT_FOUND', 'ERR_DESTRUCTION_ENDED'],
}

/** The codes that a route may answer with as a whole, in the order of the table of errors. Items have their own. */
export function errorsOf(routeId: RouteId): readonly ErrorCode[] {
  const route: Route = routes[routeId]
  const names = [...route.path.matchAll(/:([A-Za-z]+)/g)].map(([, name = '']) => name)
  const codes = new Set([
    ...onAll,
    ...(route.method === 'GET' ? [] : (['CSRF-TOKEN-2'] as const)),
    ...(route.needsFreshSignIn === true ? (['ERR_SIGN_IN_AGAIN'] as const) : []),
    ...names.flatMap((name) => inPath[name] ?? []),
    ...(own[routeId] ?? []),
  ])
  return errorCodes.filter((code) => codes.has(code))
}

// The wire as data and types. The schemas are a separate entry, because they need TypeBox.
export { statusOf } from './error-status.ts'
export { errorsOf } from './route-errors.ts'
export { fingerprintPattern, keyNamePattern, limits, tenantIdPattern } from './limits.ts'
export {
  findOutsideRole,
  permissions,
  permissionsOf,
  permissionsOfKeyNames,
  scopePattern,
} from './permissions.ts'
export { tierRequestsPerMinute } from './rate-tiers.ts'
export { givenRoles, roles, type GivenRole, type Role } from './roles.ts'
export type { ReplyBodies, RequestBodies, RequestQueries, RouteParameters } from './route-types.ts'
export {
  isDataPlane,
  isKillSwitch,
  isEventRoute,
  mayBeRepeated,
  mayLackBody,
  rateLimitOf,
  takesItems,
  takesOctets,
} from './route-facts.ts'
export type { ReplyKind, Route } from './route.ts'
export {
  routeGroups,
  routeIds,
  routes,
  type BodilessRouteId,
  type EventRouteId,
  type ItemRouteId,
  type OctetRouteId,
  type RouteId,
} from './routes.ts'
export type { Audit, AuditHead } from './schemas/audit.ts'
export type {
  BlindIndexKey,
  DataKeyLease,
  DecryptItem,
  DecryptReply,
  EncryptItem,
  EncryptReply,
  ReencryptReply,
} from './schemas/data.ts'
export type { DataKeyInformation } from './schemas/data-key.ts'
export { pagedRoutes, type PagedRouteId } from './paged-routes.ts'
export type { LeaseKey } from './schemas/lease-key.ts'
export type { Destruction, DestructionWithRecord } from './schemas/destruction.ts'
export type { DrDrill, DrDrillReport } from './schemas/dr-drill.ts'
export type { ErrorEnvelope } from './schemas/error-envelope.ts'
export type { KeyAlias } from './schemas/key-alias.ts'
export type { KeyCheckProgress, KeyChecks, KeyPolicy } from './schemas/key-check.ts'
export type { KeyHealth } from './schemas/key-health.ts'
export type { KeyProvider } from './schemas/key-provider.ts'
export type { JsonWebKeySet, KeyJob, KeyJobFailure, KeyJobReport } from './schemas/key-job.ts'
export type { KeyProviderUsage, MigrationPlan } from './schemas/key-use.ts'
export type { KmsUsage, KmsUsageOfAll } from './schemas/kms-usage.ts'
export type { MigrationInformation } from './schemas/migration.ts'
export type { BrandInformation } from './schemas/console/brand.ts'
export type { ReplicaList } from './schemas/console/installation.ts'
export type { Overview } from './schemas/console/overview.ts'
export type { Session } from './schemas/console/session.ts'
export type { Setup } from './schemas/console/setup.ts'
export type { SetupLink } from './schemas/people/setup-link.ts'
export type { ListedSession } from './schemas/people/session.ts'
export type { ApiKey, Tenant, TenantStatus } from './schemas/tenant.ts'
export type { TenantLock } from './schemas/tenant-lock.ts'
export type { TenantSettings } from './schemas/tenant-settings.ts'
export type { TenantKeyInformation } from './schemas/tenant-key.ts'
export { spellings } from './spellings.ts'

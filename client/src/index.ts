export type { CallArguments, CallOptions, KeyholdCall, Reply, RequestBody } from './call-types.ts'
export {
  createKeyholdClient,
  type KeyholdClient,
  type KeyholdClientOptions,
} from './create-keyhold-client.ts'
export type { Fields, FieldsOptions } from './fields/fields.ts'
export { KeyholdApiError } from './keyhold-api-error.ts'
export { KeyholdClientError, type ClientErrorCode, type MemberErrorCode } from './keyhold-client-error.ts'
export { KeyholdItemError, type ItemResult } from './keyhold-item-error.ts'
export type { Reencrypted } from './remote-cipher.ts'
export type { TenantClient } from './tenant-client.ts'
export type { Context, DecryptInput, EncryptInput, SignalOption, ValueCipher } from './value-cipher.ts'
export type { DecryptOptions, EncryptOptions } from './value-methods.ts'
export type { ListAll, ListedItem } from './lists/list-all.ts'
export {
  pagedRoutes,
  givenRoles,
  roles,
  type PagedRouteId,
  type GivenRole,
  type ApiKey,
  type Audit,
  type AuditHead,
  type DataKeyInformation,
  type Destruction,
  type DestructionWithRecord,
  type DrDrill,
  type DrDrillReport,
  type ErrorEnvelope,
  type JsonWebKeySet,
  type KeyChecks,
  type KeyHealth,
  type KeyJob,
  type KeyJobFailure,
  type KeyJobReport,
  type KeyPolicy,
  type KeyProvider,
  type KeyProviderUsage,
  type KmsUsage,
  type KmsUsageOfAll,
  type LeaseKey,
  type MigrationInformation,
  type MigrationPlan,
  type RequestQueries,
  type Role,
  type RouteId,
  type RouteParameters,
  type Tenant,
  type TenantKeyInformation,
  type KeyCheckProgress,
  type BrandInformation,
  type Overview,
  type ReplicaList,
  type Session,
  type Setup,
  type TenantLock,
  type TenantSettings,
} from '@keyhold/contract'

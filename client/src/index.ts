export type { CallArguments, CallOptions, Reply, RequestBody } from './call-types.ts'
export {
  createKeyholdClient,
  type KeyholdClient,
  type KeyholdClientOptions,
} from './create-keyhold-client.ts'
export { KeyholdApiError } from './keyhold-api-error.ts'
export { KeyholdClientError, type ClientErrorCode } from './keyhold-client-error.ts'
export {
  roles,
  type ApiKey,
  type ErrorEnvelope,
  type KeyProvider,
  type MigrationInformation,
  type Role,
  type RouteId,
  type Tenant,
} from '@keyhold/contract'

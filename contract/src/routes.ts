// The table of all routes: what exists on the wire, who may call it, what goes in and what comes out. The server
// registers exactly these, the client's calls are typed by them, and tests walk through them.
import type { TSchema } from 'typebox'
import {
  blindIndexKey,
  blindIndexKeyBody,
  createDataKeyLeaseBody,
  dataKeyLease,
  decryptReply,
  encryptReply,
  itemsBody,
  reencryptReply,
  unwrapDataKeyBody,
} from './schemas/data.ts'
import { dataKey, dataKeyPage, listDataKeysQuery, setMinimumVersionBody } from './schemas/data-key.ts'
import {
  destruction,
  destructionPage,
  destructionWithRecord,
  listAllDestructionsQuery,
  listDestructionsQuery,
  scheduleDestructionBody,
} from './schemas/destruction.ts'
import { keyHealth } from './schemas/key-health.ts'
import { checkKeyBody, keyChecks, keyPolicy, keyPolicyQuery } from './schemas/key-check.ts'
import {
  createKeyProviderBody,
  keyProvider,
  keyProviderDeleted,
  keyProviderList,
  patchKeyProviderBody,
} from './schemas/key-provider.ts'
import {
  acceptFailuresBody,
  jsonWebKeySet,
  keyJob,
  keyJobFailurePage,
  keyJobPage,
  keyJobReport,
  listKeyJobFailuresQuery,
  listKeyJobsQuery,
} from './schemas/key-job.ts'
import { keyProviderUsage, migrationPlan } from './schemas/key-use.ts'
import { migrationInformation, resetNotNeeded } from './schemas/migration.ts'
import {
  apiKeyList,
  createApiKeyBody,
  createdApiKey,
  createTenantBody,
  tenant,
  tenantList,
  type Role,
} from './schemas/tenant.ts'
import { tenantKeyList } from './schemas/tenant-key.ts'
import { tenantLock } from './schemas/tenant-lock.ts'

/** One route. Paths are case-sensitive; `:name` stands for one segment. */
export interface Route {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  /** Who may call it: roles whose token is bound to the tenant that it acts on, or operators on the installation. */
  roles: readonly Role[]
  summary: string
  /** Members are strings; without it what stands in the query is ignored. */
  query?: TSchema
  body?: TSchema
  /** What each status of success answers; null: no body. */
  replies: Readonly<Record<number, TSchema | null>>
  /** Whether the reply is a stream of server-sent events, each with the reply's schema as its data. */
  events?: true
}

const providers = '/api/v1/encryption/keyproviders'
const provider = `${providers}/:arnFingerPrint`
const migrations = '/api/v1/encryption/migrations'
const migration = `${migrations}/:migrationId`
const destructions = '/api/v1/encryption/destructions'
const admin = ['tenant-admin'] as const
const adminOrOperator = ['tenant-admin', 'operator'] as const
const service = ['service'] as const
const operator = ['operator'] as const

export const routes = {
  listKeyProviders: {
    method: 'GET',
    path: providers,
    roles: admin,
    summary: "Lists the tenant's registered key providers, without the default one.",
    replies: { 200: keyProviderList },
  },
  createKeyProvider: {
    method: 'POST',
    path: providers,
    roles: admin,
    summary: 'Registers a key after trying it for real.',
    body: createKeyProviderBody,
    replies: { 201: keyProvider },
  },
  listAllKeyProviders: {
    method: 'GET',
    path: `${providers}/actions/list`,
    roles: admin,
    summary: 'Lists all key providers, the default one first.',
    replies: { 200: keyProviderList },
  },
  checkKeyProvider: {
    method: 'POST',
    path: `${providers}/actions/check`,
    roles: admin,
    summary: 'Tries everything that registering a key tries, and stores nothing.',
    body: checkKeyBody,
    replies: { 200: keyChecks },
  },
  getKeyPolicy: {
    method: 'GET',
    path: '/api/v1/encryption/policy',
    roles: admin,
    summary: 'Answers the key policy that a key of this tenant needs in AWS, before anything is registered.',
    query: keyPolicyQuery,
    replies: { 200: keyPolicy },
  },
  resetToDefaultProvider: {
    method: 'POST',
    path: `${providers}/actions/reset-to-default-provider`,
    roles: admin,
    summary: 'Starts the migration back to the internal KMS.',
    replies: { 200: resetNotNeeded, 205: migrationInformation },
  },
  getMigrationDetails: {
    method: 'GET',
    path: `${providers}/migration/actions/details`,
    roles: admin,
    summary: 'Answers the running migration, or else the last completed one.',
    replies: { 200: migrationInformation },
  },
  getKeyProvider: {
    method: 'GET',
    path: provider,
    roles: admin,
    summary: 'Answers one key provider.',
    replies: { 200: keyProvider },
  },
  patchKeyProvider: {
    method: 'PATCH',
    path: provider,
    roles: admin,
    summary: 'Replaces the name or the description.',
    body: patchKeyProviderBody,
    replies: { 204: null },
  },
  deleteKeyProvider: {
    method: 'DELETE',
    path: provider,
    roles: admin,
    summary: 'Deletes a key provider that nothing uses.',
    replies: { 200: keyProviderDeleted },
  },
  migrateToKeyProvider: {
    method: 'POST',
    path: `${provider}/actions/migrate`,
    roles: admin,
    summary: 'Starts the migration of the tenant to this key provider.',
    replies: { 200: migrationInformation },
  },
  testKeyProvider: {
    method: 'POST',
    path: `${provider}/actions/test`,
    roles: admin,
    summary: 'Tries the key again, in every region, and stores what was found.',
    replies: { 201: keyProvider },
  },
  planMigration: {
    method: 'POST',
    path: `${provider}/actions/plan-migration`,
    roles: admin,
    summary: 'Tells what a migration to this key provider would be like, and changes nothing.',
    replies: { 200: migrationPlan },
  },
  getKeyProviderUsage: {
    method: 'GET',
    path: `${provider}/usage`,
    roles: admin,
    summary: 'Tells what still depends on the key, and since when it is safe to delete in its KMS.',
    replies: { 200: keyProviderUsage },
  },
  getKeyProviderHealth: {
    method: 'GET',
    path: `${provider}/health`,
    roles: admin,
    summary: 'Tells what AWS KMS answers about the key, in every region, and what can be done about it.',
    replies: { 200: keyHealth },
  },
  listMigrations: {
    method: 'GET',
    path: migrations,
    roles: admin,
    summary: 'Lists migrations and rotations, the newest first.',
    query: listKeyJobsQuery,
    replies: { 200: keyJobPage },
  },
  getMigration: {
    method: 'GET',
    path: migration,
    roles: admin,
    summary: 'Answers one migration or rotation, whatever has become of it.',
    replies: { 200: keyJob },
  },
  watchMigration: {
    method: 'GET',
    path: `${migration}/events`,
    roles: admin,
    summary: 'Sends a server-sent event for each change of a migration, until it has ended.',
    replies: { 200: keyJob },
    events: true,
  },
  listMigrationFailures: {
    method: 'GET',
    path: `${migration}/failures`,
    roles: admin,
    summary: 'Lists the cipherkeys that a migration has set aside because they do not open.',
    query: listKeyJobFailuresQuery,
    replies: { 200: keyJobFailurePage },
  },
  getMigrationReport: {
    method: 'GET',
    path: `${migration}/report`,
    roles: admin,
    summary: 'Answers the signed report of a migration that has ended.',
    replies: { 200: keyJobReport },
  },
  retryMigration: {
    method: 'POST',
    path: `${migration}/actions/retry`,
    roles: admin,
    summary: 'Ends the pause of a migration at once.',
    replies: { 200: keyJob },
  },
  acceptMigrationFailures: {
    method: 'POST',
    path: `${migration}/actions/accept-failures`,
    roles: admin,
    summary: 'Accepts by name that cipherkeys do not open, all of those named or none.',
    body: acceptFailuresBody,
    replies: { 200: keyJob },
  },
  cancelMigration: {
    method: 'POST',
    path: `${migration}/actions/cancel`,
    roles: admin,
    summary: 'Turns a migration round before its cutover: everything goes back to where it was.',
    replies: { 200: keyJob },
  },
  rotateTenantKey: {
    method: 'POST',
    path: '/api/v1/encryption/tenant-key/actions/rotate',
    roles: admin,
    summary: 'Starts the rotation of the tenant key: a new version under the same KEK.',
    replies: { 200: keyJob },
  },
  listTenantKeys: {
    method: 'GET',
    path: '/api/v1/encryption/tenant-keys',
    roles: admin,
    summary: 'Lists all versions of the tenant key.',
    replies: { 200: tenantKeyList },
  },
  lockTenant: {
    method: 'POST',
    path: '/api/v1/encryption/actions/lock',
    roles: admin,
    summary: 'Locks the tenant: nothing is encrypted, decrypted or leased until it is unlocked.',
    replies: { 200: tenantLock },
  },
  unlockTenant: {
    method: 'POST',
    path: '/api/v1/encryption/actions/unlock',
    roles: admin,
    summary: 'Unlocks the tenant.',
    replies: { 200: tenantLock },
  },
  listSigningKeys: {
    method: 'GET',
    path: '/api/v1/encryption/signing-keys',
    roles: adminOrOperator,
    summary: 'Answers the public keys that check the signatures of reports, as a JWK set (RFC 7517).',
    replies: { 200: jsonWebKeySet },
  },
  encrypt: {
    method: 'POST',
    path: '/api/v1/encryption/encrypt',
    roles: service,
    summary: 'Encrypts 1 to 1,000 values.',
    body: itemsBody,
    replies: { 200: encryptReply },
  },
  decrypt: {
    method: 'POST',
    path: '/api/v1/encryption/decrypt',
    roles: service,
    summary: 'Decrypts 1 to 1,000 tokens.',
    body: itemsBody,
    replies: { 200: decryptReply },
  },
  reencrypt: {
    method: 'POST',
    path: '/api/v1/encryption/reencrypt',
    roles: service,
    summary: 'Brings 1 to 1,000 tokens under the active data keys of their names.',
    body: itemsBody,
    replies: { 200: reencryptReply },
  },
  createDataKeyLease: {
    method: 'POST',
    path: '/api/v1/encryption/datakeys',
    roles: service,
    summary: 'Makes a data key of its own for local encryption and leases its plaintext.',
    body: createDataKeyLeaseBody,
    replies: { 200: dataKeyLease },
  },
  unwrapDataKey: {
    method: 'POST',
    path: '/api/v1/encryption/datakeys/unwrap',
    roles: service,
    summary: 'Leases the plaintext of a data key again.',
    body: unwrapDataKeyBody,
    replies: { 200: dataKeyLease },
  },
  getBlindIndexKey: {
    method: 'POST',
    path: '/api/v1/encryption/datakeys/blind-index',
    roles: service,
    summary: 'Leases the key of a blind index, which never changes.',
    body: blindIndexKeyBody,
    replies: { 200: blindIndexKey },
  },
  listDataKeys: {
    method: 'GET',
    path: '/api/v1/encryption/data-keys',
    roles: admin,
    summary: "Lists the tenant's key names with the versions of their data keys.",
    query: listDataKeysQuery,
    replies: { 200: dataKeyPage },
  },
  rotateDataKey: {
    method: 'POST',
    path: '/api/v1/encryption/data-keys/:keyName/actions/rotate',
    roles: admin,
    summary: "Makes a new version of a name's data key, under which everything is encrypted from now on.",
    replies: { 200: dataKey },
  },
  setMinimumVersion: {
    method: 'POST',
    path: '/api/v1/encryption/data-keys/:keyName/actions/set-minimum-version',
    roles: admin,
    summary: 'Refuses to decrypt what is encrypted under older versions than this one, or allows it again.',
    body: setMinimumVersionBody,
    replies: { 200: dataKey },
  },
  destroyDataKey: {
    method: 'POST',
    path: '/api/v1/encryption/data-keys/:keyName/actions/destroy',
    roles: admin,
    summary: "Schedules the destruction of a name's data key, and with it of everything encrypted under it.",
    body: scheduleDestructionBody,
    replies: { 200: destruction },
  },
  listDestructions: {
    method: 'GET',
    path: destructions,
    roles: admin,
    summary: 'Lists scheduled, cancelled and done destructions, the newest first.',
    query: listDestructionsQuery,
    replies: { 200: destructionPage },
  },
  getDestruction: {
    method: 'GET',
    path: `${destructions}/:destructionId`,
    roles: admin,
    summary: 'Answers one destruction, with its signed record once it is done.',
    replies: { 200: destructionWithRecord },
  },
  cancelDestruction: {
    method: 'POST',
    path: `${destructions}/:destructionId/actions/cancel`,
    roles: admin,
    summary: 'Cancels the destruction of a data key before it is done.',
    replies: { 200: destruction },
  },
  createTenant: {
    method: 'POST',
    path: '/api/v1/tenants',
    roles: operator,
    summary: 'Creates a tenant, protected by the internal KMS.',
    body: createTenantBody,
    replies: { 201: tenant },
  },
  listTenants: {
    method: 'GET',
    path: '/api/v1/tenants',
    roles: operator,
    summary: 'Lists all tenants.',
    replies: { 200: tenantList },
  },
  getTenant: {
    method: 'GET',
    path: '/api/v1/tenants/:tenantId',
    roles: operator,
    summary: 'Answers one tenant.',
    replies: { 200: tenant },
  },
  deleteTenant: {
    method: 'DELETE',
    path: '/api/v1/tenants/:tenantId',
    roles: operator,
    summary: 'Deletes a tenant under which nothing was ever encrypted.',
    replies: { 204: null },
  },
  scheduleTenantDeletion: {
    method: 'POST',
    path: '/api/v1/tenants/:tenantId/actions/schedule-deletion',
    roles: operator,
    summary: 'Schedules the deletion of a tenant, and with it of everything that it ever encrypted.',
    body: scheduleDestructionBody,
    replies: { 200: destruction },
  },
  cancelTenantDeletion: {
    method: 'POST',
    path: '/api/v1/tenants/:tenantId/actions/cancel-deletion',
    roles: operator,
    summary: 'Cancels the deletion of a tenant before it is done.',
    replies: { 200: destruction },
  },
  listAllDestructions: {
    method: 'GET',
    path: '/api/v1/destructions',
    roles: operator,
    summary: 'Lists destructions of all tenants, deleted ones included, the newest first.',
    query: listAllDestructionsQuery,
    replies: { 200: destructionPage },
  },
  getAnyDestruction: {
    method: 'GET',
    path: '/api/v1/destructions/:destructionId',
    roles: operator,
    summary: 'Answers one destruction of any tenant, with its signed record once it is done.',
    replies: { 200: destructionWithRecord },
  },
  createApiKey: {
    method: 'POST',
    path: '/api/v1/api-keys',
    roles: operator,
    summary: 'Creates an API key and shows it once.',
    body: createApiKeyBody,
    replies: { 201: createdApiKey },
  },
  listApiKeys: {
    method: 'GET',
    path: '/api/v1/api-keys',
    roles: operator,
    summary: 'Lists all API keys, never the keys themselves.',
    replies: { 200: apiKeyList },
  },
  deleteApiKey: {
    method: 'DELETE',
    path: '/api/v1/api-keys/:apiKeyId',
    roles: operator,
    summary: 'Revokes an API key.',
    replies: { 204: null },
  },
} as const satisfies Record<string, Route>

export type RouteId = keyof typeof routes

/** Routes whose reply is a stream. */
export type EventRouteId = {
  [Id in RouteId]: (typeof routes)[Id] extends { events: true } ? Id : never
}[RouteId]

export const routeIds = Object.keys(routes) as RouteId[]

/** The names of a path's parameters. */
export type PathParameters<Path extends string> = Path extends `${string}:${infer Name}/${infer Rest}`
  ? Name | PathParameters<`/${Rest}`>
  : Path extends `${string}:${infer Name}`
    ? Name
    : never

// The schemas of the queries, bodies and replies of each route. They are not in the table of routes, because a caller of
// a route needs no schemas: TypeBox is larger than all the rest of a client.
import type { TSchema } from 'typebox'
import type { RouteId, routes } from '../routes.ts'
import {
  auditCheckpointPage,
  auditEvent,
  auditHead,
  auditPage,
  installationAuditHeadQuery,
  listAuditsQuery,
  listAuditCheckpointsQuery,
  listAllAuditCheckpointsQuery,
  listInstallationAuditsQuery,
  watchTenantQuery,
} from './audit.ts'
import { brand, saveBrandBody } from './console/brand.ts'
import { replicaList } from './console/installation.ts'
import { overview } from './console/overview.ts'
import { session } from './console/session.ts'
import { saveSetupBody, setup } from './console/setup.ts'
import { dataKey, dataKeyPage, listDataKeysQuery, setMinimumVersionBody } from './data-key.ts'
import {
  blindIndexKey,
  blindIndexKeyBody,
  createDataKeyLeaseBody,
  dataKeyLease,
  decryptBody,
  decryptReply,
  encryptBody,
  encryptReply,
  itemsBody,
  reencryptReply,
  unwrapDataKeyBody,
} from './data.ts'
import {
  destruction,
  destructionPage,
  destructionWithRecord,
  listAllDestructionsQuery,
  listDestructionsQuery,
  scheduleDestructionBody,
} from './destruction.ts'
import { drDrill, drDrillPage, listDrDrillsQuery, runDrDrillBody } from './dr-drill.ts'
import { checkKeyBody, keyCheckProgress, keyChecks, keyPolicy, keyPolicyQuery } from './key-check.ts'
import { keyHealth } from './key-health.ts'
import {
  acceptFailuresBody,
  destroyFailuresBody,
  jsonWebKeySet,
  keyJob,
  keyJobFailurePage,
  keyJobPage,
  keyJobReport,
  listKeyJobFailuresQuery,
  listKeyJobsQuery,
} from './key-job.ts'
import {
  createKeyProviderBody,
  keyProvider,
  keyProviderDeleted,
  keyProviderList,
  patchKeyProviderBody,
} from './key-provider.ts'
import { keyProviderUsage, migrationPlan } from './key-use.ts'
import {
  createSessionBody,
  createdSession,
  endSessionQuery,
  listSessionsQuery,
  sessionList,
} from './people/session.ts'
import {
  createSetupLinkBody,
  createdSetupLink,
  listSetupLinksQuery,
  setupLinkList,
} from './people/setup-link.ts'
import { kmsUsage, kmsUsageOfAll, kmsUsageOfAllQuery, kmsUsageQuery } from './kms-usage.ts'
import { leaseKey, leaseKeyPage, listLeaseKeysQuery } from './lease-key.ts'
import { migrationInformation, resetNotNeeded, startMigrationQuery } from './migration.ts'
import { listTenantKeysQuery, tenantKeyList } from './tenant-key.ts'
import { lockTenantBody, tenantLock } from './tenant-lock.ts'
import { changeTenantSettingsBody, tenantSettings } from './tenant-settings.ts'
import {
  apiKey,
  apiKeyList,
  createApiKeyBody,
  createdApiKey,
  createTenantBody,
  deleteApiKeyQuery,
  listApiKeysQuery,
  listTenantsQuery,
  renameApiKeyBody,
  rotateApiKeyBody,
  tenant,
  tenantList,
} from './tenant.ts'

/** The schemas of one route. */
export interface RouteSchemas {
  /** Its members are strings. Without it the query is ignored. */
  query?: TSchema
  /** Without it the body is ignored. */
  body?: TSchema
  /** The body with the schema of its items, for descriptions: the server checks each item on its own. */
  bodyWithItems?: TSchema
  /** The body for each status of success, or each event of a stream; null if there is no body. */
  replies: Readonly<Record<number, TSchema | null>>
}

type RepliesOf<Id extends RouteId> = (typeof routes)[Id]['replies']

/** A schema for each reply that has a body, and for no other. */
type Complete = {
  [Id in RouteId]: Omit<RouteSchemas, 'replies'> & {
    replies: {
      [Status in keyof RepliesOf<Id>]: RepliesOf<Id>[Status] extends 'nothing' ? null : TSchema
    }
  }
}

export const routeSchemas = {
  listKeyProviders: { replies: { 200: keyProviderList } },
  createKeyProvider: { body: createKeyProviderBody, replies: { 201: keyProvider } },
  listAllKeyProviders: { replies: { 200: keyProviderList } },
  checkKeyProvider: { body: checkKeyBody, replies: { 200: keyChecks } },
  watchKeyChecks: { body: checkKeyBody, replies: { 200: keyCheckProgress } },
  getKeyPolicy: { query: keyPolicyQuery, replies: { 200: keyPolicy } },
  resetToDefaultProvider: {
    query: startMigrationQuery,
    replies: { 200: resetNotNeeded, 205: migrationInformation },
  },
  getMigrationDetails: { replies: { 200: migrationInformation } },
  getKeyProvider: { replies: { 200: keyProvider } },
  patchKeyProvider: { body: patchKeyProviderBody, replies: { 204: null } },
  deleteKeyProvider: { replies: { 200: keyProviderDeleted } },
  migrateToKeyProvider: { query: startMigrationQuery, replies: { 200: migrationInformation } },
  testKeyProvider: { replies: { 201: keyProvider } },
  planMigration: { replies: { 200: migrationPlan } },
  getKeyProviderUsage: { replies: { 200: keyProviderUsage } },
  getKeyProviderHealth: { replies: { 200: keyHealth } },

  listMigrations: { query: listKeyJobsQuery, replies: { 200: keyJobPage } },
  getMigration: { replies: { 200: keyJob } },
  watchMigration: { replies: { 200: keyJob } },
  listMigrationFailures: { query: listKeyJobFailuresQuery, replies: { 200: keyJobFailurePage } },
  getMigrationReport: { replies: { 200: keyJobReport } },
  retryMigration: { replies: { 200: keyJob } },
  destroyMigrationFailures: { body: destroyFailuresBody, replies: { 200: destruction } },
  acceptMigrationFailures: { body: acceptFailuresBody, replies: { 200: keyJob } },
  cancelMigration: { replies: { 200: keyJob } },
  rotateTenantKey: { replies: { 200: keyJob } },
  listTenantKeys: { query: listTenantKeysQuery, replies: { 200: tenantKeyList } },

  lockTenant: { body: lockTenantBody, replies: { 200: tenantLock } },
  getTenantLock: { replies: { 200: tenantLock } },
  unlockTenant: { replies: { 200: tenantLock } },
  listSigningKeys: { replies: { 200: jsonWebKeySet } },

  getTenantSettings: { replies: { 200: tenantSettings } },
  changeTenantSettings: { body: changeTenantSettingsBody, replies: { 200: tenantSettings } },

  runDrDrill: { body: runDrDrillBody, replies: { 200: drDrill } },
  getDrDrill: { replies: { 200: drDrill } },
  listDrDrills: { query: listDrDrillsQuery, replies: { 200: drDrillPage } },
  runDrDrillOfTenant: { body: runDrDrillBody, replies: { 200: drDrill } },
  getDrDrillOfTenant: { replies: { 200: drDrill } },
  listDrDrillsOfTenant: { query: listDrDrillsQuery, replies: { 200: drDrillPage } },

  encrypt: { body: itemsBody, bodyWithItems: encryptBody, replies: { 200: encryptReply } },
  decrypt: { body: itemsBody, bodyWithItems: decryptBody, replies: { 200: decryptReply } },
  reencrypt: { body: itemsBody, bodyWithItems: decryptBody, replies: { 200: reencryptReply } },
  createDataKeyLease: { body: createDataKeyLeaseBody, replies: { 200: dataKeyLease } },
  unwrapDataKey: { body: unwrapDataKeyBody, replies: { 200: dataKeyLease } },
  getBlindIndexKey: { body: blindIndexKeyBody, replies: { 200: blindIndexKey } },
  listDataKeys: { query: listDataKeysQuery, replies: { 200: dataKeyPage } },
  listLeaseKeys: { query: listLeaseKeysQuery, replies: { 200: leaseKeyPage } },
  endLeaseKey: { replies: { 200: leaseKey } },
  rotateDataKey: { replies: { 200: dataKey } },
  setMinimumVersion: { body: setMinimumVersionBody, replies: { 200: dataKey } },

  destroyDataKey: { body: scheduleDestructionBody, replies: { 200: destruction } },
  listDestructions: { query: listDestructionsQuery, replies: { 200: destructionPage } },
  getDestruction: { replies: { 200: destructionWithRecord } },
  cancelDestruction: { replies: { 200: destruction } },

  getKmsUsage: { query: kmsUsageQuery, replies: { 200: kmsUsage } },
  getKmsUsageOfAll: { query: kmsUsageOfAllQuery, replies: { 200: kmsUsageOfAll } },

  listAudits: { query: listAuditsQuery, replies: { 200: auditPage } },
  getAuditHead: { replies: { 200: auditHead } },
  listAuditCheckpoints: { query: listAuditCheckpointsQuery, replies: { 200: auditCheckpointPage } },
  listAllAuditCheckpoints: {
    query: listAllAuditCheckpointsQuery,
    replies: { 200: auditCheckpointPage },
  },
  listInstallationAudits: { query: listInstallationAuditsQuery, replies: { 200: auditPage } },
  getInstallationAuditHead: { query: installationAuditHeadQuery, replies: { 200: auditHead } },

  getOverview: { replies: { 200: overview } },
  watchTenant: { query: watchTenantQuery, replies: { 200: auditEvent } },

  getSetup: { replies: { 200: setup } },
  saveSetup: { body: saveSetupBody, replies: { 200: setup } },
  deleteSetup: { replies: { 204: null } },

  getBrand: { replies: { 200: brand } },
  saveBrand: { body: saveBrandBody, replies: { 200: brand } },
  deleteBrand: { replies: { 204: null } },

  getSession: { replies: { 200: session } },

  createTenant: { body: createTenantBody, replies: { 201: tenant } },
  listTenants: { query: listTenantsQuery, replies: { 200: tenantList } },
  getTenant: { replies: { 200: tenant } },
  deleteTenant: { replies: { 204: null } },
  scheduleTenantDeletion: { body: scheduleDestructionBody, replies: { 200: destruction } },
  cancelTenantDeletion: { replies: { 200: destruction } },
  listAllDestructions: { query: listAllDestructionsQuery, replies: { 200: destructionPage } },
  getAnyDestruction: { replies: { 200: destructionWithRecord } },
  listReplicas: { replies: { 200: replicaList } },
  listLiveMigrations: { query: listKeyJobsQuery, replies: { 200: keyJobPage } },
  endSession: { query: endSessionQuery, replies: { 204: null } },
  getCsrfToken: { replies: { 204: null } },
  createSession: { body: createSessionBody, replies: { 201: createdSession } },
  listSessions: { query: listSessionsQuery, replies: { 200: sessionList } },
  endAnySession: { query: endSessionQuery, replies: { 204: null } },
  createSetupLink: { body: createSetupLinkBody, replies: { 201: createdSetupLink } },
  listSetupLinks: { query: listSetupLinksQuery, replies: { 200: setupLinkList } },
  deleteSetupLink: { replies: { 204: null } },
  createApiKey: { body: createApiKeyBody, replies: { 201: createdApiKey } },
  listApiKeys: { query: listApiKeysQuery, replies: { 200: apiKeyList } },
  renameApiKey: { body: renameApiKeyBody, replies: { 200: apiKey } },
  rotateApiKey: { body: rotateApiKeyBody, replies: { 201: createdApiKey } },
  deleteApiKey: { query: deleteApiKeyQuery, replies: { 204: null } },
} as const satisfies Complete

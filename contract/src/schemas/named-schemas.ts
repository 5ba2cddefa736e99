// The names of the schemas that bodies and replies have, for descriptions of the API: clients that are generated from one name their
// types by them.
import { auditCheckpointPage, auditEvent, auditHead, auditPage } from './audit.ts'
import { brand, saveBrandBody } from './console/brand.ts'
import { replicaList } from './console/installation.ts'
import { overview } from './console/overview.ts'
import { session } from './console/session.ts'
import { saveSetupBody, setup } from './console/setup.ts'
import { dataKey, dataKeyPage, setMinimumVersionBody } from './data-key.ts'
import {
  blindIndexKey,
  blindIndexKeyBody,
  createDataKeyLeaseBody,
  dataKeyLease,
  decryptBody,
  decryptItem,
  decryptReply,
  decryptedItem,
  encryptBody,
  encryptItem,
  encryptReply,
  encryptedItem,
  reencryptReply,
  reencryptedItem,
  refusedItem,
  unwrapDataKeyBody,
} from './data.ts'
import {
  destruction,
  destructionPage,
  destructionWithRecord,
  scheduleDestructionBody,
} from './destruction.ts'
import { drDrill, drDrillPage, runDrDrillBody } from './dr-drill.ts'
import { errorEnvelope } from './error-envelope.ts'
import { checkKeyBody, keyCheckProgress, keyChecks, keyPolicy } from './key-check.ts'
import { keyHealth } from './key-health.ts'
import {
  acceptFailuresBody,
  destroyFailuresBody,
  jsonWebKeySet,
  keyJob,
  keyJobFailurePage,
  keyJobPage,
  keyJobReport,
} from './key-job.ts'
import {
  createKeyProviderBody,
  keyProvider,
  keyProviderDeleted,
  keyProviderList,
  patchKeyProviderBody,
} from './key-provider.ts'
import { keyProviderUsage, migrationPlan } from './key-use.ts'
import { kmsUsage, kmsUsageOfAll } from './kms-usage.ts'
import { leaseKey, leaseKeyPage } from './lease-key.ts'
import { migrationInformation, resetNotNeeded } from './migration.ts'
import { createSetupLinkBody, createdSetupLink, setupLink, setupLinkList } from './people/setup-link.ts'
import { createSessionBody, createdSession, sessionList } from './people/session.ts'
import { tenantKeyList } from './tenant-key.ts'
import { lockTenantBody, tenantLock } from './tenant-lock.ts'
import { changeTenantSettingsBody, tenantSettings } from './tenant-settings.ts'
import {
  apiKey,
  apiKeyList,
  createApiKeyBody,
  createTenantBody,
  createdApiKey,
  renameApiKeyBody,
  rotateApiKeyBody,
  tenant,
  tenantList,
} from './tenant.ts'

export const namedSchemas = {
  CreateSetupLinkBody: createSetupLinkBody,
  CreatedSetupLink: createdSetupLink,
  SetupLink: setupLink,
  SetupLinkList: setupLinkList,
  CreateSessionBody: createSessionBody,
  CreatedSession: createdSession,
  SessionList: sessionList,
  AcceptFailuresBody: acceptFailuresBody,
  ApiKey: apiKey,
  ApiKeyList: apiKeyList,
  AuditCheckpointPage: auditCheckpointPage,
  AuditEvent: auditEvent,
  AuditHead: auditHead,
  AuditPage: auditPage,
  BlindIndexKey: blindIndexKey,
  BlindIndexKeyBody: blindIndexKeyBody,
  Brand: brand,
  ChangeTenantSettingsBody: changeTenantSettingsBody,
  CheckKeyBody: checkKeyBody,
  CreateApiKeyBody: createApiKeyBody,
  CreateDataKeyLeaseBody: createDataKeyLeaseBody,
  CreateKeyProviderBody: createKeyProviderBody,
  CreateTenantBody: createTenantBody,
  CreatedApiKey: createdApiKey,
  DataKey: dataKey,
  DataKeyLease: dataKeyLease,
  DataKeyPage: dataKeyPage,
  DecryptBody: decryptBody,
  DecryptItem: decryptItem,
  DecryptReply: decryptReply,
  DecryptedItem: decryptedItem,
  DestroyFailuresBody: destroyFailuresBody,
  Destruction: destruction,
  DestructionPage: destructionPage,
  DestructionWithRecord: destructionWithRecord,
  DrDrill: drDrill,
  DrDrillPage: drDrillPage,
  EncryptBody: encryptBody,
  EncryptItem: encryptItem,
  EncryptReply: encryptReply,
  EncryptedItem: encryptedItem,
  ErrorEnvelope: errorEnvelope,
  JsonWebKeySet: jsonWebKeySet,
  KeyCheckProgress: keyCheckProgress,
  KeyChecks: keyChecks,
  KeyHealth: keyHealth,
  KeyJob: keyJob,
  KeyJobFailurePage: keyJobFailurePage,
  KeyJobPage: keyJobPage,
  KeyJobReport: keyJobReport,
  KeyPolicy: keyPolicy,
  KeyProvider: keyProvider,
  KeyProviderDeleted: keyProviderDeleted,
  KeyProviderList: keyProviderList,
  KeyProviderUsage: keyProviderUsage,
  KmsUsage: kmsUsage,
  KmsUsageOfAll: kmsUsageOfAll,
  LeaseKey: leaseKey,
  LeaseKeyPage: leaseKeyPage,
  LockTenantBody: lockTenantBody,
  MigrationInformation: migrationInformation,
  MigrationPlan: migrationPlan,
  Overview: overview,
  PatchKeyProviderBody: patchKeyProviderBody,
  ReencryptReply: reencryptReply,
  ReencryptedItem: reencryptedItem,
  RefusedItem: refusedItem,
  RenameApiKeyBody: renameApiKeyBody,
  ReplicaList: replicaList,
  ResetNotNeeded: resetNotNeeded,
  RotateApiKeyBody: rotateApiKeyBody,
  RunDrDrillBody: runDrDrillBody,
  SaveBrandBody: saveBrandBody,
  SaveSetupBody: saveSetupBody,
  ScheduleDestructionBody: scheduleDestructionBody,
  Session: session,
  SetMinimumVersionBody: setMinimumVersionBody,
  Setup: setup,
  Tenant: tenant,
  TenantKeyList: tenantKeyList,
  TenantList: tenantList,
  TenantLock: tenantLock,
  TenantSettings: tenantSettings,
  UnwrapDataKeyBody: unwrapDataKeyBody,
} as const

// The key providers of a tenant: registering, testing, migrating to them, and what depends on them.
import type { Route } from '../route.ts'
import { keyHealth } from '../schemas/key-health.ts'
import { checkKeyBody, keyChecks, keyPolicy, keyPolicyQuery } from '../schemas/key-check.ts'
import {
  createKeyProviderBody,
  keyProvider,
  keyProviderDeleted,
  keyProviderList,
  patchKeyProviderBody,
} from '../schemas/key-provider.ts'
import { keyProviderUsage, migrationPlan } from '../schemas/key-use.ts'
import { migrationInformation, resetNotNeeded } from '../schemas/migration.ts'

const providers = '/api/v1/encryption/keyproviders'
const provider = `${providers}/:arnFingerPrint`
const admin = ['tenant-admin'] as const
const reader = ['tenant-admin', 'auditor'] as const

export const keyProviderRoutes = {
  listKeyProviders: {
    method: 'GET',
    path: providers,
    roles: reader,
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
    roles: reader,
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
    roles: reader,
    summary: 'Answers the running migration, or else the last completed one.',
    replies: { 200: migrationInformation },
  },
  getKeyProvider: {
    method: 'GET',
    path: provider,
    roles: reader,
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
    roles: reader,
    summary: 'Tells what still depends on the key, and since when it is safe to delete in its KMS.',
    replies: { 200: keyProviderUsage },
  },
  getKeyProviderHealth: {
    method: 'GET',
    path: `${provider}/health`,
    roles: reader,
    summary: 'Tells what AWS KMS answers about the key, in every region, and what can be done about it.',
    replies: { 200: keyHealth },
  },
} as const satisfies Record<string, Route>

// The key providers of a tenant: registering them, testing them, migrating to them, and their use.
import type { Route } from '../route.ts'

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
    replies: { 200: 'json' },
    tier: 1,
  },
  createKeyProvider: {
    method: 'POST',
    path: providers,
    roles: admin,
    summary: 'Registers a key after testing it with real calls.',
    replies: { 201: 'json' },
    tier: 2,
  },
  listAllKeyProviders: {
    method: 'GET',
    path: `${providers}/actions/list`,
    roles: reader,
    summary: 'Lists all key providers, the default one first.',
    replies: { 200: 'json' },
    tier: 1,
  },
  checkKeyProvider: {
    method: 'POST',
    path: `${providers}/actions/check`,
    roles: admin,
    summary: 'Runs every test of a registration, and stores nothing.',
    replies: { 200: 'json' },
  },
  getKeyPolicy: {
    method: 'GET',
    path: '/api/v1/encryption/policy',
    roles: admin,
    summary: 'Returns the key policy that a key of this tenant needs in AWS, before anything is registered.',
    replies: { 200: 'json' },
  },
  resetToDefaultProvider: {
    method: 'POST',
    path: `${providers}/actions/reset-to-default-provider`,
    roles: admin,
    summary: 'Starts the migration back to the internal KMS.',
    replies: { 200: 'json', 205: 'json' },
    tier: 2,
  },
  getMigrationDetails: {
    method: 'GET',
    path: `${providers}/migration/actions/details`,
    roles: reader,
    summary: 'Returns the running migration, or else the last completed one.',
    replies: { 200: 'json' },
    tier: 1,
  },
  getKeyProvider: {
    method: 'GET',
    path: provider,
    roles: reader,
    summary: 'Returns one key provider.',
    replies: { 200: 'json' },
    tier: 1,
  },
  patchKeyProvider: {
    method: 'PATCH',
    path: provider,
    roles: admin,
    summary: 'Replaces the name or the description.',
    replies: { 204: 'nothing' },
    tier: 2,
  },
  deleteKeyProvider: {
    method: 'DELETE',
    path: provider,
    roles: admin,
    summary: 'Deletes a key provider that nothing uses.',
    replies: { 200: 'json' },
    tier: 2,
  },
  migrateToKeyProvider: {
    method: 'POST',
    path: `${provider}/actions/migrate`,
    roles: admin,
    summary: 'Starts the migration of the tenant to this key provider.',
    replies: { 200: 'json' },
    tier: 2,
  },
  testKeyProvider: {
    method: 'POST',
    path: `${provider}/actions/test`,
    roles: admin,
    summary: 'Tests the key again, in every region, and stores the result.',
    replies: { 201: 'json' },
    tier: 2,
  },
  planMigration: {
    method: 'POST',
    path: `${provider}/actions/plan-migration`,
    roles: admin,
    summary: 'Plans a migration to this key provider, and changes nothing.',
    replies: { 200: 'json' },
  },
  getKeyProviderUsage: {
    method: 'GET',
    path: `${provider}/usage`,
    roles: reader,
    summary: 'Shows which parts still depend on the key, and since when it is safe to delete in its KMS.',
    replies: { 200: 'json' },
  },
  getKeyProviderHealth: {
    method: 'GET',
    path: `${provider}/health`,
    roles: reader,
    summary: 'Shows the health of the key in every region, its cause, and what its owner can do.',
    replies: { 200: 'json' },
  },
} as const satisfies Record<string, Route>

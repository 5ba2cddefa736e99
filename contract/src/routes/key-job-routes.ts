// Migrations and rotations: their history, their progress, and what a tenant admin may do about them.
import type { Route } from '../route.ts'

const migrations = '/api/v1/encryption/migrations'
const migration = `${migrations}/:migrationId`
const admin = ['tenant-admin'] as const
const reader = ['tenant-admin', 'auditor'] as const

export const keyJobRoutes = {
  listMigrations: {
    method: 'GET',
    path: migrations,
    roles: reader,
    summary: 'Lists migrations and rotations, the newest first.',
    replies: { 200: 'json' },
  },
  getMigration: {
    method: 'GET',
    path: migration,
    roles: reader,
    summary: 'Answers one migration or rotation, whatever has become of it.',
    replies: { 200: 'json' },
  },
  watchMigration: {
    method: 'GET',
    path: `${migration}/events`,
    roles: reader,
    summary: 'Sends a server-sent event for each change of a migration, until it has ended.',
    replies: { 200: 'events' },
  },
  listMigrationFailures: {
    method: 'GET',
    path: `${migration}/failures`,
    roles: reader,
    summary: 'Lists the cipherkeys that a migration has set aside because they do not open.',
    replies: { 200: 'json' },
  },
  getMigrationReport: {
    method: 'GET',
    path: `${migration}/report`,
    roles: reader,
    summary: 'Answers the signed report of a migration that has ended.',
    replies: { 200: 'json' },
  },
  retryMigration: {
    method: 'POST',
    path: `${migration}/actions/retry`,
    roles: admin,
    summary: 'Ends the pause of a migration at once.',
    replies: { 200: 'json' },
  },
  acceptMigrationFailures: {
    method: 'POST',
    path: `${migration}/actions/accept-failures`,
    roles: admin,
    summary: 'Accepts by name that cipherkeys do not open, all of those named or none.',
    replies: { 200: 'json' },
  },
  cancelMigration: {
    method: 'POST',
    path: `${migration}/actions/cancel`,
    roles: admin,
    summary: 'Turns a migration round before its cutover: everything goes back to where it was.',
    replies: { 200: 'json' },
  },
  rotateTenantKey: {
    method: 'POST',
    path: '/api/v1/encryption/tenant-key/actions/rotate',
    roles: admin,
    summary: 'Starts the rotation of the tenant key: a new version under the same KEK.',
    replies: { 200: 'json' },
  },
  listTenantKeys: {
    method: 'GET',
    path: '/api/v1/encryption/tenant-keys',
    roles: reader,
    summary: 'Lists all versions of the tenant key.',
    replies: { 200: 'json' },
  },
} as const satisfies Record<string, Route>

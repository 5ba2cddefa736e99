// Key jobs (migrations and rotations): their history, their progress, and how a tenant admin may intervene.
import type { Route } from '../route.ts'

const migrations = '/api/v1/encryption/migrations'
const migration = `${migrations}/:migrationId`
const admin = ['tenant-admin'] as const
const reader = ['tenant-admin', 'auditor'] as const
/** Whoever watches the migration that a setup link has begun, too. */
const watcher = [...reader, 'setup'] as const

export const keyJobRoutes = {
  listMigrations: {
    method: 'GET',
    path: migrations,
    roles: reader,
    permission: 'read-migrations',
    summary: 'Lists migrations and rotations, the newest first.',
    replies: { 200: 'json' },
  },
  getMigration: {
    method: 'GET',
    path: migration,
    roles: watcher,
    permission: 'read-migrations',
    summary: 'Returns one migration or rotation, running or ended.',
    replies: { 200: 'json' },
  },
  watchMigration: {
    method: 'GET',
    path: `${migration}/events`,
    roles: watcher,
    permission: 'read-migrations',
    summary: 'Sends a server-sent event for each change of a key job, until it has ended.',
    replies: { 200: 'events' },
  },
  listMigrationFailures: {
    method: 'GET',
    path: `${migration}/failures`,
    roles: reader,
    permission: 'read-migrations',
    summary: 'Lists the cipherkeys that a key job has set aside because they cannot be unwrapped.',
    replies: { 200: 'json' },
  },
  getMigrationReport: {
    method: 'GET',
    path: `${migration}/report`,
    roles: watcher,
    permission: 'read-migrations',
    summary: 'Returns the signed report of a key job that has ended.',
    replies: { 200: 'json' },
  },
  retryMigration: {
    method: 'POST',
    path: `${migration}/actions/retry`,
    roles: admin,
    permission: 'manage-migrations',
    summary: 'Ends the pause of a key job at once.',
    replies: { 200: 'json' },
  },
  acceptMigrationFailures: {
    method: 'POST',
    path: `${migration}/actions/accept-failures`,
    roles: admin,
    permission: 'manage-migrations',
    needsFreshSignIn: true,
    summary: 'Accepts that the named cipherkeys cannot be unwrapped: all of them, or none.',
    replies: { 200: 'json' },
  },
  destroyMigrationFailures: {
    method: 'POST',
    path: `${migration}/actions/destroy-failures`,
    roles: admin,
    permission: 'destroy',
    needsFreshSignIn: true,
    summary: 'Schedules the destruction of accepted cipherkeys, which do not open: all named ones, or none.',
    replies: { 200: 'json' },
  },
  cancelMigration: {
    method: 'POST',
    path: `${migration}/actions/cancel`,
    roles: admin,
    permission: 'manage-migrations',
    summary: 'Cancels a key job before its cutover: everything goes back to where it was.',
    replies: { 200: 'json' },
  },
  rotateTenantKey: {
    method: 'POST',
    path: '/api/v1/encryption/tenant-key/actions/rotate',
    roles: admin,
    permission: 'manage-migrations',
    summary: 'Starts the rotation of the tenant key: a new version under the same KEK.',
    replies: { 200: 'json' },
  },
  listTenantKeys: {
    method: 'GET',
    path: '/api/v1/encryption/tenant-keys',
    roles: reader,
    permission: 'read-migrations',
    summary: 'Lists all versions of the tenant key.',
    replies: { 200: 'json' },
  },
} as const satisfies Record<string, Route>

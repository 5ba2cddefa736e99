// The tenant's kill switch, and the public keys that verify signed records.
import type { Route } from '../route.ts'

const locking = ['tenant-admin', 'security-officer'] as const
const lockReader = ['tenant-admin', 'auditor', 'security-officer'] as const
const everyReader = ['tenant-admin', 'auditor', 'operator'] as const

export const tenantLockRoutes = {
  lockTenant: {
    method: 'POST',
    path: '/api/v1/encryption/actions/lock',
    roles: locking,
    permission: 'lock',
    isKillSwitch: true,
    mayLackBody: true,
    summary: 'Locks the tenant: nothing is encrypted, decrypted or leased until it is unlocked.',
    replies: { 200: 'json' },
  },
  getTenantLock: {
    method: 'GET',
    path: '/api/v1/encryption/lock',
    roles: lockReader,
    permission: 'read-lock',
    summary: 'Shows whether the tenant is locked, by whom, since when and why.',
    replies: { 200: 'json' },
  },
  unlockTenant: {
    method: 'POST',
    path: '/api/v1/encryption/actions/unlock',
    roles: locking,
    permission: 'lock',
    isKillSwitch: true,
    summary: 'Unlocks the tenant.',
    replies: { 200: 'json' },
  },
  listSigningKeys: {
    method: 'GET',
    path: '/api/v1/encryption/signing-keys',
    roles: everyReader,
    permission: 'read-signing-keys',
    summary: 'Returns the public keys that verify signed reports and records, as a JWK set (RFC 7517).',
    replies: { 200: 'json' },
  },
} as const satisfies Record<string, Route>

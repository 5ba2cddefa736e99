// The tenant's kill switch, and the keys that signed records are verified with.
import type { Route } from '../route.ts'

const admin = ['tenant-admin'] as const
const everyReader = ['tenant-admin', 'auditor', 'operator'] as const

export const tenantLockRoutes = {
  lockTenant: {
    method: 'POST',
    path: '/api/v1/encryption/actions/lock',
    roles: admin,
    summary: 'Locks the tenant: nothing is encrypted, decrypted or leased until it is unlocked.',
    replies: { 200: 'json' },
  },
  unlockTenant: {
    method: 'POST',
    path: '/api/v1/encryption/actions/unlock',
    roles: admin,
    summary: 'Unlocks the tenant.',
    replies: { 200: 'json' },
  },
  listSigningKeys: {
    method: 'GET',
    path: '/api/v1/encryption/signing-keys',
    roles: everyReader,
    summary: 'Answers the public keys that check the signatures of reports, as a JWK set (RFC 7517).',
    replies: { 200: 'json' },
  },
} as const satisfies Record<string, Route>

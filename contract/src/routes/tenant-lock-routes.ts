// The tenant's kill switch, and the keys that signed records are verified with.
import type { Route } from '../route.ts'
import { jsonWebKeySet } from '../schemas/key-job.ts'
import { tenantLock } from '../schemas/tenant-lock.ts'

const admin = ['tenant-admin'] as const
const everyReader = ['tenant-admin', 'auditor', 'operator'] as const

export const tenantLockRoutes = {
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
    roles: everyReader,
    summary: 'Answers the public keys that check the signatures of reports, as a JWK set (RFC 7517).',
    replies: { 200: jsonWebKeySet },
  },
} as const satisfies Record<string, Route>

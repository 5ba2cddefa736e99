// The settings of a tenant, which it may change within the limits of the installation.
import type { Route } from '../route.ts'

const path = '/api/v1/encryption/settings'
const admin = ['tenant-admin'] as const
const reader = ['tenant-admin', 'auditor'] as const

export const tenantSettingsRoutes = {
  getTenantSettings: {
    method: 'GET',
    path,
    roles: reader,
    permission: 'read-settings',
    summary: "Returns the tenant's settings, and their limits.",
    replies: { 200: 'json' },
  },
  changeTenantSettings: {
    method: 'PATCH',
    path,
    roles: admin,
    permission: 'change-settings',
    summary: "Changes the tenant's settings, on all replicas at once.",
    replies: { 200: 'json' },
  },
} as const satisfies Record<string, Route>

// What a tenant settles for itself, within the limits of the installation.
import type { Route } from '../route.ts'

const path = '/api/v1/encryption/settings'
const admin = ['tenant-admin'] as const
const reader = ['tenant-admin', 'auditor'] as const

export const tenantSettingsRoutes = {
  getTenantSettings: {
    method: 'GET',
    path,
    roles: reader,
    summary: "Answers the tenant's settings, and within which limits they can be changed.",
    replies: { 200: 'json' },
  },
  changeTenantSettings: {
    method: 'PATCH',
    path,
    roles: admin,
    summary: "Changes the tenant's settings, on all replicas at once.",
    replies: { 200: 'json' },
  },
} as const satisfies Record<string, Route>

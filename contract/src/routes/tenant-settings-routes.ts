// What a tenant settles for itself, within the limits of the installation.
import type { Route } from '../route.ts'
import { changeTenantSettingsBody, tenantSettings } from '../schemas/tenant-settings.ts'

const path = '/api/v1/encryption/settings'
const admin = ['tenant-admin'] as const
const reader = ['tenant-admin', 'auditor'] as const

export const tenantSettingsRoutes = {
  getTenantSettings: {
    method: 'GET',
    path,
    roles: reader,
    summary: "Answers the tenant's settings, and within which limits they can be changed.",
    replies: { 200: tenantSettings },
  },
  changeTenantSettings: {
    method: 'PATCH',
    path,
    roles: admin,
    summary: "Changes the tenant's settings, on all replicas at once.",
    body: changeTenantSettingsBody,
    replies: { 200: tenantSettings },
  },
} as const satisfies Record<string, Route>

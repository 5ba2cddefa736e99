// A tenant as its people look at it: its state in one answer, and what happens to it.
import type { Route } from '../route.ts'

const reader = ['tenant-admin', 'auditor'] as const

export const overviewRoutes = {
  getOverview: {
    method: 'GET',
    path: '/api/v1/encryption/overview',
    roles: reader,
    permission: 'read-key-providers',
    summary: 'Shows what protects the tenant, whether that is well, and who has to act.',
    replies: { 200: 'json' },
  },
  watchTenant: {
    method: 'GET',
    path: '/api/v1/encryption/events',
    roles: reader,
    permission: 'read-audits',
    summary: 'Sends a server-sent event for each new audit record of the tenant; Last-Event-ID resumes.',
    replies: { 200: 'events' },
  },
} as const satisfies Record<string, Route>

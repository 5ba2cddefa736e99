// Drills for the loss of a region. A tenant's admin runs them for that tenant, the operator for any tenant.
import type { Route } from '../route.ts'

const admin = ['tenant-admin'] as const
const reader = ['tenant-admin', 'auditor'] as const
const operator = ['operator'] as const
const summaries = {
  run: 'Unwraps every tenant key as if its region were down, makes a new one, and returns a signed report.',
  get: 'Returns the report of the last drill.',
  list: 'Lists the drills that were run, the newest first, with their reports.',
}

export const drDrillRoutes = {
  runDrDrill: {
    method: 'POST',
    path: '/api/v1/encryption/dr-drill/actions/run',
    roles: admin,
    permission: 'run-drills',
    summary: summaries.run,
    replies: { 200: 'json' },
  },
  getDrDrill: {
    method: 'GET',
    path: '/api/v1/encryption/dr-drill',
    roles: reader,
    permission: 'read-drills',
    summary: summaries.get,
    replies: { 200: 'json' },
  },
  listDrDrills: {
    method: 'GET',
    path: '/api/v1/encryption/dr-drills',
    roles: reader,
    permission: 'read-drills',
    summary: summaries.list,
    replies: { 200: 'json' },
  },
  runDrDrillOfTenant: {
    method: 'POST',
    path: '/api/v1/tenants/:tenantId/dr-drill/actions/run',
    roles: operator,
    permission: 'run-drills',
    summary: summaries.run,
    replies: { 200: 'json' },
  },
  getDrDrillOfTenant: {
    method: 'GET',
    path: '/api/v1/tenants/:tenantId/dr-drill',
    roles: operator,
    permission: 'read-drills',
    summary: summaries.get,
    replies: { 200: 'json' },
  },
  listDrDrillsOfTenant: {
    method: 'GET',
    path: '/api/v1/tenants/:tenantId/dr-drills',
    roles: operator,
    permission: 'read-drills',
    summary: summaries.list,
    replies: { 200: 'json' },
  },
} as const satisfies Record<string, Route>

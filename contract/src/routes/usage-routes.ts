// Usage: how often AWS KMS was called.
import type { Route } from '../route.ts'

export const usageRoutes = {
  getKmsUsage: {
    method: 'GET',
    path: '/api/v1/encryption/usage/kms',
    roles: ['tenant-admin'],
    permission: 'read-usage',
    summary: 'Counts the calls to AWS KMS for the tenant, by day, and estimates their cost.',
    replies: { 200: 'json' },
  },
  getKmsUsageOfAll: {
    method: 'GET',
    path: '/api/v1/usage/kms',
    roles: ['operator'],
    permission: 'read-usage',
    summary: 'Counts the calls to AWS KMS for all tenants, by day and by tenant.',
    replies: { 200: 'json' },
  },
} as const satisfies Record<string, Route>

// What was used: calls to AWS KMS.
import type { Route } from '../route.ts'

export const usageRoutes = {
  getKmsUsage: {
    method: 'GET',
    path: '/api/v1/encryption/usage/kms',
    roles: ['tenant-admin'],
    summary: 'Answers how often AWS KMS was called for the tenant, by day, and estimates the cost.',
    replies: { 200: 'json' },
  },
  getKmsUsageOfAll: {
    method: 'GET',
    path: '/api/v1/usage/kms',
    roles: ['operator'],
    summary: 'Answers how often AWS KMS was called for all tenants, by day and by tenant.',
    replies: { 200: 'json' },
  },
} as const satisfies Record<string, Route>

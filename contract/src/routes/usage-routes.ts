// What was used: calls to AWS KMS.
import type { Route } from '../route.ts'
import { kmsUsage, kmsUsageOfAll, kmsUsageOfAllQuery, kmsUsageQuery } from '../schemas/kms-usage.ts'

export const usageRoutes = {
  getKmsUsage: {
    method: 'GET',
    path: '/api/v1/encryption/usage/kms',
    roles: ['tenant-admin'],
    summary: 'Answers how often AWS KMS was called for the tenant, by day, and estimates the cost.',
    query: kmsUsageQuery,
    replies: { 200: kmsUsage },
  },
  getKmsUsageOfAll: {
    method: 'GET',
    path: '/api/v1/usage/kms',
    roles: ['operator'],
    summary: 'Answers how often AWS KMS was called for all tenants, by day and by tenant.',
    query: kmsUsageOfAllQuery,
    replies: { 200: kmsUsageOfAll },
  },
} as const satisfies Record<string, Route>

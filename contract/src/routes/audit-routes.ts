// The audit trail: a tenant's own for its admin and its auditors, all of it for the operator.
import type { Route } from '../route.ts'

const reader = ['tenant-admin', 'auditor'] as const
const operator = ['operator'] as const

export const auditRoutes = {
  listAudits: {
    method: 'GET',
    path: '/api/v1/encryption/audits',
    roles: reader,
    permission: 'read-audits',
    summary: "Lists the tenant's audit records, the oldest first.",
    replies: { 200: 'json' },
  },
  getAuditHead: {
    method: 'GET',
    path: '/api/v1/encryption/audits/head',
    roles: reader,
    permission: 'read-audits',
    summary: "Returns the signed head of the tenant's chain of audit records.",
    replies: { 200: 'json' },
  },
  listAuditCheckpoints: {
    method: 'GET',
    path: '/api/v1/encryption/audits/checkpoints',
    roles: reader,
    permission: 'read-audits',
    summary: "Lists the signed checkpoints of the tenant's chain of audit records, the oldest first.",
    replies: { 200: 'json' },
  },
  listInstallationAudits: {
    method: 'GET',
    path: '/api/v1/audits',
    roles: operator,
    permission: 'read-audits',
    summary: "Lists the installation's audit records, or those of one tenant, the oldest first.",
    replies: { 200: 'json' },
  },
  getInstallationAuditHead: {
    method: 'GET',
    path: '/api/v1/audits/head',
    roles: operator,
    permission: 'read-audits',
    summary:
      "Returns the signed head of the installation's chain of audit records, or of one tenant's chain.",
    replies: { 200: 'json' },
  },
  listAllAuditCheckpoints: {
    method: 'GET',
    path: '/api/v1/audits/checkpoints',
    roles: operator,
    permission: 'read-audits',
    summary:
      "Lists the signed checkpoints of the installation's chain, or of one tenant's, the oldest first.",
    replies: { 200: 'json' },
  },
} as const satisfies Record<string, Route>

// The routes of the operator of the installation: tenants, their deletion, API keys.
import type { Route } from '../route.ts'

const operator = ['operator'] as const
/** A tenant's admin has to do with the keys of that tenant alone. */
const keyMaker = ['operator', 'tenant-admin'] as const

export const operatorRoutes = {
  createTenant: {
    method: 'POST',
    path: '/api/v1/tenants',
    roles: operator,
    permission: 'manage-tenants',
    summary: 'Creates a tenant, protected by the internal KMS.',
    replies: { 201: 'json' },
  },
  listTenants: {
    method: 'GET',
    path: '/api/v1/tenants',
    roles: operator,
    permission: 'read-tenants',
    summary: 'Lists all tenants, the oldest first.',
    replies: { 200: 'json' },
  },
  getTenant: {
    method: 'GET',
    path: '/api/v1/tenants/:tenantId',
    roles: operator,
    permission: 'read-tenants',
    summary: 'Returns one tenant.',
    replies: { 200: 'json' },
  },
  deleteTenant: {
    method: 'DELETE',
    path: '/api/v1/tenants/:tenantId',
    roles: operator,
    permission: 'manage-tenants',
    summary: 'Deletes a tenant under which nothing was ever encrypted.',
    replies: { 204: 'nothing' },
  },
  scheduleTenantDeletion: {
    method: 'POST',
    path: '/api/v1/tenants/:tenantId/actions/schedule-deletion',
    roles: operator,
    permission: 'manage-tenants',
    summary: 'Schedules the deletion of a tenant, and with it of everything that it ever encrypted.',
    replies: { 200: 'json' },
  },
  cancelTenantDeletion: {
    method: 'POST',
    path: '/api/v1/tenants/:tenantId/actions/cancel-deletion',
    roles: operator,
    permission: 'manage-tenants',
    summary: 'Cancels the deletion of a tenant before it is done.',
    replies: { 200: 'json' },
  },
  listAllDestructions: {
    method: 'GET',
    path: '/api/v1/destructions',
    roles: operator,
    permission: 'read-destructions',
    summary: 'Lists destructions of all tenants, deleted ones included, the newest first.',
    replies: { 200: 'json' },
  },
  getAnyDestruction: {
    method: 'GET',
    path: '/api/v1/destructions/:destructionId',
    roles: operator,
    permission: 'read-destructions',
    summary: 'Returns one destruction of any tenant, with its signed record once it is done.',
    replies: { 200: 'json' },
  },
  createApiKey: {
    method: 'POST',
    path: '/api/v1/api-keys',
    roles: keyMaker,
    permission: 'manage-api-keys',
    summary: 'Creates an API key and shows it once.',
    replies: { 201: 'json' },
  },
  listApiKeys: {
    method: 'GET',
    path: '/api/v1/api-keys',
    roles: keyMaker,
    permission: 'read-api-keys',
    summary: 'Lists all API keys without their access tokens, the oldest first.',
    replies: { 200: 'json' },
  },
  renameApiKey: {
    method: 'PATCH',
    path: '/api/v1/api-keys/:apiKeyId',
    roles: keyMaker,
    permission: 'manage-api-keys',
    summary: 'Gives an API key another name.',
    replies: { 200: 'json' },
  },
  rotateApiKey: {
    method: 'POST',
    path: '/api/v1/api-keys/:apiKeyId/actions/rotate',
    roles: keyMaker,
    permission: 'manage-api-keys',
    summary: 'Creates the successor of an API key, which goes on working for a while.',
    replies: { 201: 'json' },
  },
  deleteApiKey: {
    method: 'DELETE',
    path: '/api/v1/api-keys/:apiKeyId',
    roles: keyMaker,
    permission: 'manage-api-keys',
    summary: 'Deletes an API key: it is refused from now on.',
    replies: { 204: 'nothing' },
  },
} as const satisfies Record<string, Route>

// The draft of a tenant's key set-up, which a colleague continues.
import type { Route } from '../route.ts'

const path = '/api/v1/encryption/setup'
const admin = ['tenant-admin'] as const
const reader = ['tenant-admin', 'auditor'] as const

export const setupRoutes = {
  getSetup: {
    method: 'GET',
    path,
    roles: reader,
    permission: 'read-key-providers',
    summary: 'Returns the draft of the key set-up: how far it is, and what was chosen so far.',
    replies: { 200: 'json' },
  },
  saveSetup: {
    method: 'PUT',
    path,
    roles: admin,
    permission: 'manage-key-providers',
    summary: 'Writes the draft of the key set-up, unless somebody else has changed it meanwhile.',
    replies: { 200: 'json' },
  },
  deleteSetup: {
    method: 'DELETE',
    path,
    roles: admin,
    permission: 'manage-key-providers',
    summary: 'Deletes the draft of the key set-up.',
    replies: { 204: 'nothing' },
  },
} as const satisfies Record<string, Route>

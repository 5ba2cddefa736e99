// Destructions: scheduled, listed, cancelled.
import type { Route } from '../route.ts'

const destructions = '/api/v1/encryption/destructions'
const admin = ['tenant-admin'] as const
const reader = ['tenant-admin', 'auditor'] as const

export const destructionRoutes = {
  destroyDataKey: {
    method: 'POST',
    path: '/api/v1/encryption/data-keys/:keyName/actions/destroy',
    roles: admin,
    permission: 'destroy',
    needsFreshSignIn: true,
    summary: 'Schedules the destruction of a data key, and with it of everything encrypted under it.',
    replies: { 200: 'json' },
  },
  listDestructions: {
    method: 'GET',
    path: destructions,
    roles: reader,
    permission: 'read-destructions',
    summary: 'Lists all destructions, cancelled and completed ones too, the newest first.',
    replies: { 200: 'json' },
  },
  getDestruction: {
    method: 'GET',
    path: `${destructions}/:destructionId`,
    roles: reader,
    permission: 'read-destructions',
    summary: 'Returns one destruction, with its signed record once it is done.',
    replies: { 200: 'json' },
  },
  cancelDestruction: {
    method: 'POST',
    path: `${destructions}/:destructionId/actions/cancel`,
    roles: admin,
    permission: 'destroy',
    summary: 'Cancels the destruction of a data key before it is done.',
    replies: { 200: 'json' },
  },
} as const satisfies Record<string, Route>

// Who calls: what a page needs to know before it shows anything.
import { roles } from '../roles.ts'
import type { Route } from '../route.ts'

export const sessionRoutes = {
  getSession: {
    method: 'GET',
    path: '/api/v1/session',
    roles,
    permission: 'read-session',
    needsNoScope: true,
    summary:
      'Returns who calls: the role, its permissions, the tenant, and how the caller was authenticated.',
    replies: { 200: 'json' },
  },
} as const satisfies Record<string, Route>

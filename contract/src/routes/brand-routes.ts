// The brand of the installation: what a console shows of the vendor whose it is.
import { roles } from '../roles.ts'
import type { Route } from '../route.ts'

const path = '/api/v1/brand'
const operator = ['operator'] as const

export const brandRoutes = {
  getBrand: {
    method: 'GET',
    path,
    roles,
    permission: 'read-brand',
    needsNoScope: true,
    summary: 'Returns the name, colour, logo and links of the vendor, as the public page has them.',
    replies: { 200: 'json' },
  },
  saveBrand: {
    method: 'PUT',
    path,
    roles: operator,
    permission: 'manage-brand',
    summary: 'Sets the name, colour, logo and links of the vendor.',
    replies: { 200: 'json' },
  },
  deleteBrand: {
    method: 'DELETE',
    path,
    roles: operator,
    permission: 'manage-brand',
    summary: 'Takes them back: the console shows its own name.',
    replies: { 204: 'nothing' },
  },
} as const satisfies Record<string, Route>

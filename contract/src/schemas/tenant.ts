// Tenants and API keys, which the operator manages.
import Type, { type Static } from 'typebox'
import { tenantIdPattern } from '../limits.ts'
import { noOthers } from './no-others.ts'
import { listByAgeQuery, next } from './pages.ts'

export const tenant = Type.Object({
  id: Type.String(),
  name: Type.String(),
  createdAt: Type.String(),
  deletionDueAt: Type.Optional(
    Type.String({ description: 'When the tenant will be destroyed, if that is scheduled. RFC 3339 in UTC.' }),
  ),
})

export type Tenant = Static<typeof tenant>

export const tenantList = Type.Object({
  tenants: Type.Array(tenant, { description: 'In the order in which they were made.' }),
  next: next('after'),
})

export const listTenantsQuery = listByAgeQuery('Tenants')

export const createTenantBody = Type.Object(
  {
    id: Type.Optional(
      Type.String({ pattern: tenantIdPattern, description: 'Keyhold makes one if it is absent.' }),
    ),
    name: Type.String({ minLength: 1, maxLength: 256 }),
  },
  noOthers,
)

const role = Type.Union([
  Type.Literal('tenant-admin'),
  Type.Literal('service'),
  Type.Literal('auditor'),
  Type.Literal('operator'),
])

export const apiKey = Type.Object({
  id: Type.String(),
  role,
  tenantId: Type.Optional(
    Type.String({ description: 'Absent on keys of operators, and on service keys for all tenants.' }),
  ),
  name: Type.String(),
  createdAt: Type.String(),
})

export type ApiKey = Static<typeof apiKey>

const listedApiKey = Type.Object({
  ...apiKey.properties,
  tampered: Type.Optional(
    Type.Literal(true, {
      description:
        'Somebody has written to the database: Keyhold did not write this key as it is, or it was revoked and put back. It is refused. Absent on all others.',
    }),
  ),
})

export const apiKeyList = Type.Object({
  apiKeys: Type.Array(listedApiKey, { description: 'In the order in which they were made.' }),
  next: next('after'),
})

export const listApiKeysQuery = listByAgeQuery('API keys')

export const createApiKeyBody = Type.Object(
  {
    role,
    tenantId: Type.Optional(Type.String({ pattern: tenantIdPattern })),
    name: Type.Optional(Type.String({ maxLength: 256 })),
  },
  noOthers,
)

export const createdApiKey = Type.Object({
  ...apiKey.properties,
  key: Type.String({ description: 'The access token. It is shown only once; Keyhold stores only a hash.' }),
})

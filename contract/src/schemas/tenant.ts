// Tenants and API keys, which the operator manages.
import Type, { type Static } from 'typebox'
import { limits, tenantIdPattern } from '../limits.ts'
import { scopePattern } from '../permissions.ts'
import { keyJobKind, keyJobPhase } from './key-job.ts'
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

const listedTenant = Type.Object({
  ...tenant.properties,
  status: Type.Optional(
    Type.Object(
      {
        locked: Type.Boolean(),
        currentKey: Type.Optional(
          Type.Object(
            {
              arnFingerPrint: Type.String(),
              name: Type.String(),
              internal: Type.Boolean({ description: 'Whether the internal KMS protects the tenant.' }),
            },
            { description: 'Absent if the stored key provider is not as Keyhold wrote it.' },
          ),
        ),
        keyState: Type.Optional(
          Type.String({
            description:
              "The state of the current key in its own region, as in its health; absent for the internal KMS's.",
          }),
        ),
        keyJob: Type.Optional(Type.Object({ id: Type.String(), kind: keyJobKind, phase: keyJobPhase })),
        tampered: Type.Optional(
          Type.Literal(true, { description: 'Stored rows of the tenant are not as Keyhold wrote them.' }),
        ),
      },
      { description: 'Present if the query asks for it.' },
    ),
  ),
})

export type TenantStatus = NonNullable<Static<typeof listedTenant>['status']>

export const tenantList = Type.Object({
  tenants: Type.Array(listedTenant, { description: 'In the order in which they were made.' }),
  next: next('after'),
})

export const listTenantsQuery = Type.Object({
  ...listByAgeQuery('Tenants').properties,
  search: Type.Optional(
    Type.String({
      ...{ minLength: 1, maxLength: 64 },
      description: 'Only tenants whose name, in any letters, or whose id begins so.',
    }),
  ),
  state: Type.Optional(
    Type.Union(
      [
        Type.Literal('locked'),
        Type.Literal('key-trouble', { description: 'A region of one of its keys is not healthy.' }),
        Type.Literal('key-job', { description: 'A migration or rotation is running or paused.' }),
        Type.Literal('deleting', { description: 'Its deletion is scheduled.' }),
      ],
      { description: 'Only tenants of which this is so.' },
    ),
  ),
  status: Type.Optional(
    Type.Literal('true', { description: 'Answers also lock, current key and key job of each tenant.' }),
  ),
})

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
  Type.Literal('service-encrypt'),
  Type.Literal('auditor'),
  Type.Literal('security-officer'),
  Type.Literal('operator'),
])

export const apiKey = Type.Object({
  id: Type.String(),
  role: Type.Union([...role.anyOf, Type.Literal('setup')], {
    description: '`setup`: it stands for a setup link, and has no access token.',
  }),
  tenantId: Type.Optional(
    Type.String({ description: 'Absent on keys of operators, and on service keys for all tenants.' }),
  ),
  name: Type.String(),
  createdAt: Type.String(),
  expiresAt: Type.Optional(
    Type.String({
      description: 'From then on it is refused. Absent: it does not end by itself. RFC 3339 in UTC.',
    }),
  ),
  scopes: Type.Optional(
    Type.Array(Type.String(), {
      description: "What is left of its role's permissions. Absent: all of them; empty: nothing.",
    }),
  ),
  addresses: Type.Optional(
    Type.Array(Type.String(), { description: 'The networks from which it may be used. Absent: all.' }),
  ),
  createdBy: Type.Optional(
    Type.String({
      description:
        'The id of the API key that made it, or `issuer#subject` of a JWT or a certificate, or `command`: a person at the machine. Absent on keys from versions before.',
    }),
  ),
  responsible: Type.Optional(
    Type.String({
      description: 'Who began the chain of API keys that have made one another: as `createdBy`.',
    }),
  ),
  predecessorId: Type.Optional(Type.String({ description: 'The API key that it was made to replace.' })),
})

export type ApiKey = Static<typeof apiKey>

const listedApiKey = Type.Object({
  ...apiKey.properties,
  lastUsedAt: Type.Optional(
    Type.String({
      description: 'It lags by a minute or two. Absent: never, as far as anybody knows. RFC 3339 in UTC.',
    }),
  ),
  createdByName: Type.Optional(Type.String({ description: 'The name of that API key, while it exists.' })),
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

const expiresInSeconds = Type.Union(
  [
    Type.Integer({ minimum: limits.minKeyLifeSeconds, maximum: limits.maxKeyLifeSeconds }),
    Type.Literal('none'),
  ],
  {
    description:
      'In how many seconds it ends by itself, or `none`. Default: 365 days for services, 90 days for all other roles. The successor of a key: as long as that key was made for.',
  },
)

export const createApiKeyBody = Type.Object(
  {
    role,
    tenantId: Type.Optional(Type.String({ pattern: tenantIdPattern })),
    name: Type.Optional(Type.String({ maxLength: 256 })),
    expiresInSeconds: Type.Optional(expiresInSeconds),
    scopes: Type.Optional(
      Type.Array(Type.String({ pattern: scopePattern, examples: ['lock', 'encrypt:pay', 'decrypt:pay*'] }), {
        maxItems: limits.maxScopes,
        description:
          'What is left of the permissions of its role: `permission`, or `permission:name` or `permission:prefix*` for encrypt, decrypt, reencrypt and blind-index. Absent: all of them; empty: nothing.',
      }),
    ),
    addresses: Type.Optional(
      Type.Array(Type.String({ maxLength: 64 }), {
        minItems: 1,
        maxItems: limits.maxAddresses,
        description:
          'The networks from which it may be used, as `192.0.2.0/24` or `2001:db8::/48`. Absent: all.',
      }),
    ),
  },
  noOthers,
)

export const renameApiKeyBody = Type.Object({ name: Type.String({ maxLength: 256 }) }, noOthers)

export const rotateApiKeyBody = Type.Object(
  {
    overlapSeconds: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: limits.maxOverlapSeconds,
        description:
          'For how long the key that is replaced goes on working, if it does not end earlier. Default: a day.',
      }),
    ),
    expiresInSeconds: Type.Optional(expiresInSeconds),
  },
  noOthers,
)

export const deleteApiKeyQuery = Type.Object({
  lastOperator: Type.Optional(
    Type.Literal('true', {
      description: 'Ends the key even if it is the last one of an operator that holds.',
    }),
  ),
})

export const createdApiKey = Type.Object({
  ...apiKey.properties,
  key: Type.String({ description: 'The access token. It is shown only once; Keyhold stores only a hash.' }),
})

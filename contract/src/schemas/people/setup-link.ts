// Setup links: with one a customer sets a key up without an account, and does nothing else.
import Type, { type Static } from 'typebox'
import { limits, tenantIdPattern } from '../../limits.ts'
import { noOthers } from '../no-others.ts'
import { listByAgeQuery, next } from '../pages.ts'

const intent = Type.Union([Type.Literal('key-provider')], {
  description: '`key-provider`: to register a key of the tenant, and to migrate to it.',
})

export const setupLink = Type.Object({
  id: Type.String(),
  tenantId: Type.String(),
  intent,
  createdAt: Type.String(),
  createdBy: Type.String({ description: 'The id of the actor who made it.' }),
  expiresAt: Type.String({ description: 'Then it ends, and so do its sessions. RFC 3339 in UTC.' }),
  uses: Type.Integer({ description: 'How many sessions it has begun.' }),
  maxUses: Type.Integer(),
})

export type SetupLink = Static<typeof setupLink>

export const createSetupLinkBody = Type.Object(
  {
    tenantId: Type.Optional(Type.String({ pattern: tenantIdPattern, description: 'An operator names it.' })),
    intent,
    expiresInSeconds: Type.Optional(
      Type.Integer({
        minimum: limits.minSetupLinkSeconds,
        maximum: limits.maxSetupLinkSeconds,
        description: 'Default: seven days.',
      }),
    ),
    maxUses: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: limits.maxSetupLinkUses,
        description: 'How many sessions it begins: more than one where colleagues share it. Default: 1.',
      }),
    ),
  },
  noOthers,
)

export const createdSetupLink = Type.Object({
  ...setupLink.properties,
  url: Type.String({
    description: 'With the secret behind `#`. It is shown only once; Keyhold stores only a hash.',
  }),
})

export const setupLinkList = Type.Object({
  setupLinks: Type.Array(setupLink, { description: 'In the order in which they were made.' }),
  next: next('after'),
})

export const listSetupLinksQuery = listByAgeQuery('Setup links')

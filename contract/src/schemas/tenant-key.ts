// Tenant keys on the wire, never the keys themselves. Times are RFC 3339 in UTC, and absent if there is none.
import Type, { type Static } from 'typebox'
import { next, pageLimit } from './pages.ts'

export const tenantKeyState = Type.Union([
  Type.Literal('pending'),
  Type.Literal('active'),
  Type.Literal('decrypt-only'),
  Type.Literal('destroyed'),
])

export const tenantKey = Type.Object({
  version: Type.Integer(),
  state: Type.Union([
    ...tenantKeyState.anyOf,
    Type.Literal('tampered', {
      description:
        'Somebody else than Keyhold wrote it, deleted it or put it back. Nothing follows from it, and all but its version is empty.',
    }),
  ]),
  keyArn: Type.String({ description: 'The KEK that wraps it.' }),
  fingerprint: Type.String({ description: "The fingerprint of that KEK's key provider." }),
  createdAt: Type.String(),
  destroyAfter: Type.Optional(Type.String({ description: 'The end of the backup retention.' })),
  destroyedAt: Type.Optional(Type.String()),
})

export type TenantKeyInformation = Static<typeof tenantKey>

export const tenantKeyList = Type.Object({
  tenantKeys: Type.Array(tenantKey, { description: 'All versions, destroyed ones too, the newest first.' }),
  next: next('before'),
})

export const listTenantKeysQuery = Type.Object({
  before: Type.Optional(
    Type.String({ pattern: '^[1-9][0-9]{0,9}$', description: 'The last version of the previous page.' }),
  ),
  limit: pageLimit('Versions'),
})

// Tenant keys on the wire, never the keys themselves. Times are RFC 3339 in UTC, and absent if there is none.
import Type, { type Static } from 'typebox'

export const tenantKeyState = Type.Union([
  Type.Literal('pending'),
  Type.Literal('active'),
  Type.Literal('decrypt-only'),
  Type.Literal('destroyed'),
])

export const tenantKey = Type.Object({
  version: Type.Integer(),
  state: tenantKeyState,
  keyArn: Type.String({ description: 'The KEK that wraps it.' }),
  fingerprint: Type.String({ description: "The fingerprint of that KEK's key provider." }),
  createdAt: Type.String(),
  destroyAfter: Type.Optional(Type.String({ description: 'The end of the backup retention.' })),
  destroyedAt: Type.Optional(Type.String()),
})

export type TenantKeyInformation = Static<typeof tenantKey>

export const tenantKeyList = Type.Object({
  tenantKeys: Type.Array(tenantKey, { description: 'All versions, destroyed ones too, the newest first.' }),
})

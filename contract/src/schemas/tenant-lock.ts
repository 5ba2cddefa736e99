// The kill switch on the wire.
import Type, { type Static } from 'typebox'

export const tenantLock = Type.Object({
  tenantId: Type.String(),
  locked: Type.Boolean(),
  lockedAt: Type.Optional(
    Type.String({ description: 'RFC 3339 in UTC; absent if the tenant is not locked.' }),
  ),
  lockedBy: Type.Optional(Type.String({ description: 'The id of the API key that locked the tenant.' })),
})

export type TenantLock = Static<typeof tenantLock>

// The kill switch on the wire.
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import { noOthers } from './no-others.ts'

export const tenantLock = Type.Object({
  tenantId: Type.String(),
  locked: Type.Boolean(),
  lockedAt: Type.Optional(
    Type.String({ description: 'RFC 3339 in UTC; absent if the tenant is not locked.' }),
  ),
  lockedBy: Type.Optional(
    Type.String({
      description: 'Who locked it: the id of an API key, or `issuer#subject` of a JWT or a certificate.',
    }),
  ),
  lockedByName: Type.Optional(Type.String({ description: 'The name of that API key, while it exists.' })),
  reason: Type.Optional(Type.String({ description: 'In the words of whoever locked it.' })),
})

export const lockTenantBody = Type.Object(
  {
    reason: Type.Optional(
      Type.String({
        ...{ minLength: 1, maxLength: limits.maxLockReasonCharacters },
        description: 'Why. It is shown with the lock, and kept in the audit trail for ever.',
      }),
    ),
  },
  noOthers,
)

export type TenantLock = Static<typeof tenantLock>

// What a tenant settles for itself.
import Type, { type Static } from 'typebox'
import { noOthers } from './no-others.ts'

const seconds = (description: string) => Type.Integer({ description })

export const tenantSettings = Type.Object({
  tenantId: Type.String(),
  keyCacheTtlSeconds: Type.Union([Type.Integer(), Type.Null()], {
    description: 'What the tenant has chosen; null: nothing, so that the default of the installation holds.',
  }),
  effective: Type.Object({
    keyCacheTtlSeconds: seconds(
      'What holds: how long a key is used after the last call to its KMS that succeeded.',
    ),
  }),
  limits: Type.Object({
    keyCacheTtlSeconds: Type.Object({ min: Type.Integer(), max: seconds('The default, too.') }),
  }),
})

export type TenantSettings = Static<typeof tenantSettings>

export const changeTenantSettingsBody = Type.Object(
  {
    keyCacheTtlSeconds: Type.Union([Type.Integer({ minimum: 0, maximum: 3_600 }), Type.Null()], {
      description: 'Within the limits; null: the default.',
    }),
  },
  noOthers,
)

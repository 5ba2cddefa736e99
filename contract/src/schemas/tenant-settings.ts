// The settings of a tenant.
import Type, { type Static } from 'typebox'
import { noOthers } from './no-others.ts'

const seconds = (description: string) => Type.Integer({ description })

export const tenantSettings = Type.Object({
  tenantId: Type.String(),
  keyCacheTtlSeconds: Type.Union([Type.Integer(), Type.Null()], {
    description: 'The choice of the tenant; null if the default of the installation applies.',
  }),
  effective: Type.Object({
    keyCacheTtlSeconds: seconds(
      'The value in force: how long a key is used after the last successful call to its KMS.',
    ),
  }),
  limits: Type.Object({
    keyCacheTtlSeconds: Type.Object({
      min: Type.Integer(),
      max: seconds('The maximum, which is also the default.'),
    }),
  }),
})

export type TenantSettings = Static<typeof tenantSettings>

export const changeTenantSettingsBody = Type.Object(
  {
    keyCacheTtlSeconds: Type.Union([Type.Integer({ minimum: 0, maximum: 3_600 }), Type.Null()], {
      description: 'A value within the limits; null for the default.',
    }),
  },
  noOthers,
)

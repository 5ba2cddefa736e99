// Migrations as the original shows them. Both spellings are there if clients differ.
import Type, { type Static } from 'typebox'

export const migrationPhase = Type.Union([
  Type.Literal('prepare'),
  Type.Literal('dual'),
  Type.Literal('copy'),
  Type.Literal('verify'),
  Type.Literal('cutover'),
  Type.Literal('done'),
])

export const migrationInformation = Type.Object({
  id: Type.String(),
  migrationId: Type.String(),
  tenantId: Type.String(),
  migratingFrom: Type.String(),
  migratingTo: Type.String(),
  migratingToFingerPrint: Type.String(),
  migratingToFingerprint: Type.String(),
  migratingToPrefix: Type.String(),
  state: Type.Union([Type.Literal('New'), Type.Literal('InProgress'), Type.Literal('Completed')]),
  progress: Type.Number({ description: 'Percent, 0 to 100.' }),
  initiatedAt: Type.String(),
  completedAt: Type.String(),
  phase: migrationPhase,
  cipherkeys: Type.Object({
    total: Type.Integer({ description: 'The number of cipherkeys when the copying began.' }),
    copied: Type.Integer({ description: 'Rewrapped so far.' }),
    failed: Type.Integer({ description: 'Set aside because they cannot be unwrapped.' }),
  }),
  lastError: Type.Optional(
    Type.Object({
      code: Type.String(),
      message: Type.String(),
      at: Type.String(),
    }),
  ),
})

export type MigrationInformation = Static<typeof migrationInformation>

export const resetNotNeeded = Type.Object({ message: Type.String() })

export const startMigrationQuery = Type.Object({
  plan: Type.Optional(
    Type.String({
      pattern: '^[0-9a-z]{1,11}[.][A-Za-z0-9_-]{43}$',
      description:
        'The `planId` of a plan of this migration: the start is refused if something has changed since then, or after an hour. Without it the migration starts from what there is.',
    }),
  ),
})

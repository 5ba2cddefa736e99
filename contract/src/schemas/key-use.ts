// The plan of a migration to a key, and the parts that still depend on a key.
import Type, { type Static } from 'typebox'
import { keyJobKind, keyJobPhase } from './key-job.ts'
import { tenantKeyState } from './tenant-key.ts'

const problem = { code: Type.String(), message: Type.String() }

export const migrationPlan = Type.Object({
  planId: Type.String({
    description: 'Names this plan to the start of the migration: see its query.',
  }),
  tenantId: Type.String(),
  wouldStart: Type.Boolean({
    description: 'Whether a start would succeed now: true if there are no refusals.',
  }),
  refusals: Type.Array(Type.Object(problem), {
    description: 'Why a start would be refused now, in the order of the checks.',
  }),
  warnings: Type.Array(Type.Object(problem), { description: 'Problems that would make it wait on the way.' }),
  source: Type.Object({
    fingerprint: Type.String(),
    arn: Type.String(),
    tenantKeyVersion: Type.Integer(),
  }),
  target: Type.Object({ fingerprint: Type.String(), arn: Type.String() }),
  probes: Type.Array(
    Type.Object({
      end: Type.Union([Type.Literal('source'), Type.Literal('target')]),
      region: Type.String({ description: 'Empty for the internal KMS.' }),
      arn: Type.String(),
      outcome: Type.Union([Type.Literal('passed'), Type.Literal('failed')]),
      code: Type.Optional(Type.String()),
      message: Type.Optional(Type.String()),
    }),
    { description: 'Real calls to each end, in each of its regions.' },
  ),
  census: Type.Object({
    tenantKeys: Type.Integer({ description: 'Versions that are not destroyed.' }),
    cipherkeys: Type.Integer(),
    mayBeMore: Type.Optional(
      Type.Literal(true, { description: 'Not all cipherkeys could be counted in time: there may be more.' }),
    ),
    checked: Type.Integer({ description: 'How many of them were unwrapped, within some seconds.' }),
    unreadable: Type.Integer({ description: 'How many of those cannot be unwrapped.' }),
    accepted: Type.Integer({
      description:
        'How many of the unreadable ones were accepted in an earlier migration: nobody is asked again.',
    }),
    unreadableCipherkeys: Type.Array(
      Type.Object({
        dataKeyId: Type.String(),
        version: Type.Integer(),
        tenantKeyVersion: Type.Integer(),
        code: Type.String(),
      }),
      { description: 'The first 100 of the unreadable ones.' },
    ),
    refusedTenantKeys: Type.Array(
      Type.Object({ tenantKeyVersion: Type.Integer(), fingerprint: Type.String(), ...problem }),
      { description: 'The versions that their KEK refuses to unwrap, of those that wrap cipherkeys.' },
    ),
  }),
  estimate: Type.Object(
    {
      seconds: Type.Optional(
        Type.Integer({
          description:
            'The time for copying and verifying; absent if nothing was measured. At least that long if there may be more cipherkeys.',
        }),
      ),
      keysPerSecond: Type.Optional(Type.Number()),
      sampledCipherkeys: Type.Integer(),
    },
    { description: 'Made from a measurement just now and the budget of key jobs.' },
  ),
})

export type MigrationPlan = Static<typeof migrationPlan>

export const keyProviderUsage = Type.Object({
  fingerprint: Type.String(),
  arn: Type.String(),
  current: Type.Boolean(),
  tenantKeys: Type.Array(
    Type.Object({
      version: Type.Integer(),
      state: tenantKeyState,
      cipherkeys: Type.Integer({ description: 'How many cipherkeys it wraps.' }),
      mayBeMore: Type.Optional(
        Type.Literal(true, {
          description: 'Not all cipherkeys could be counted in time: it may wrap more.',
        }),
      ),
      createdAt: Type.String(),
      destroyAfter: Type.Optional(Type.String()),
    }),
    { description: 'The tenant key versions that this KEK wraps and that are not destroyed.' },
  ),
  migrations: Type.Array(Type.Object({ id: Type.String(), kind: keyJobKind, phase: keyJobPhase }), {
    description: 'Running migrations and rotations that need it.',
  }),
  shared: Type.Boolean({
    description: 'Whether another tenant has the key registered, or has tenant keys under it.',
  }),
  safeToDelete: Type.Boolean({
    description: 'Whether nobody in this installation needs the key in the KMS any more.',
  }),
  safeSince: Type.Optional(Type.String({ description: 'When the last dependency ended.' })),
  blockers: Type.Array(
    Type.Object({
      code: Type.Union([
        Type.Literal('current'),
        Type.Literal('migration'),
        Type.Literal('cipherkeys'),
        Type.Literal('accepted-failures'),
        Type.Literal('tenant-key'),
        Type.Literal('backup-retention'),
        Type.Literal('root-key'),
        Type.Literal('shared'),
      ]),
      message: Type.String(),
      until: Type.Optional(Type.String({ description: 'When it ends without any action.' })),
    }),
    { description: 'Why the key is not safe to delete; empty if it is safe.' },
  ),
})

export type KeyProviderUsage = Static<typeof keyProviderUsage>

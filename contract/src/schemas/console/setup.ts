// The draft of a key set-up: the step that the people are at, and what they chose. It decides nothing.
import Type, { type Static } from 'typebox'
import { fingerprintPattern, limits } from '../../limits.ts'
import { noOthers } from '../no-others.ts'

const step = Type.Union([
  Type.Literal('where', { description: 'Which KMS, regions and account.' }),
  Type.Literal('access', { description: 'Giving Keyhold access in the KMS.' }),
  Type.Literal('check', { description: 'The checks of the key.' }),
  Type.Literal('register'),
  Type.Literal('rehearse', { description: 'The plan of the migration.' }),
  Type.Literal('move', { description: 'The migration.' }),
])

const choices = Type.Object(
  {
    kms: Type.Optional(Type.Literal('aws')),
    account: Type.Optional(Type.String({ pattern: '^[0-9]{12}$' })),
    regions: Type.Optional(
      Type.Array(Type.String({ pattern: '^[a-z0-9-]{1,32}$' }), {
        maxItems: 40,
        description: 'The own one first.',
      }),
    ),
    arn: Type.Optional(Type.String({ minLength: 1, maxLength: 2_048 })),
    roleArn: Type.Optional(Type.String({ minLength: 1, maxLength: 2_048 })),
    roleAccess: Type.Optional(Type.Literal('web-identity')),
    name: Type.Optional(Type.String({ maxLength: 256 })),
    description: Type.Optional(Type.String({ maxLength: 1_024 })),
    arnFingerPrint: Type.Optional(Type.String({ pattern: fingerprintPattern, maxLength: 64 })),
    planId: Type.Optional(Type.String({ maxLength: 64 })),
    migrationId: Type.Optional(Type.String({ maxLength: 64 })),
    waitingFor: Type.Optional(
      Type.String({ maxLength: 256, description: 'Whom or what the set-up waits for, for people.' }),
    ),
    note: Type.Optional(
      Type.String({ maxLength: 1_024, description: 'For a colleague. No secret belongs here.' }),
    ),
  },
  noOthers,
)

export const saveSetupBody = Type.Object(
  {
    version: Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: 'The `version` of the draft that the change was made of; 0 if there was none.',
    }),
    step,
    choices,
  },
  noOthers,
)

const actor = Type.Object({
  id: Type.String({ description: 'The id of an API key, or `issuer#subject` of a JWT or a certificate.' }),
  name: Type.Optional(Type.String({ description: 'The name of that API key, while it exists.' })),
})

export const setup = Type.Object({
  tenantId: Type.String(),
  version: Type.Integer({ description: 'It rises with each change.' }),
  step,
  choices,
  createdBy: actor,
  createdAt: Type.String({ description: 'RFC 3339 in UTC.' }),
  changedBy: actor,
  changedAt: Type.String({ description: 'RFC 3339 in UTC.' }),
  expiresAt: Type.String({
    description: `From then on there is no draft: ${limits.setupDraftDays} days after the last change. RFC 3339 in UTC.`,
  }),
})

export type Setup = Static<typeof setup>

// Key jobs as Keyhold's own routes show them: migrations and rotations, running or ended. Times are RFC 3339 in UTC, and
// absent if there is none.
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import { scheduleDestructionBody } from './destruction.ts'
import { noOthers } from './no-others.ts'

const uuidPattern = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
const maxVersion = 2_147_483_647

const time = Type.String({ description: 'RFC 3339 in UTC.' })

export const keyJobKind = Type.Union([
  Type.Literal('migration', { description: 'To another KEK.' }),
  Type.Literal('rotation', { description: 'To a new tenant key version under the same KEK.' }),
])

export const keyJobPhase = Type.Union([
  Type.Literal('prepare'),
  Type.Literal('dual'),
  Type.Literal('copy'),
  Type.Literal('verify'),
  Type.Literal('cutover'),
  Type.Literal('done'),
  Type.Literal('aborting'),
  Type.Literal('aborted'),
])

const tampered = Type.Literal(true, {
  description: 'Somebody else than Keyhold wrote it so: nothing here is sure, and nothing follows from it.',
})

const end = { fingerprint: Type.String(), arn: Type.String() }

export const keyJob = Type.Object({
  id: Type.String(),
  kind: keyJobKind,
  tenantId: Type.String(),
  phase: keyJobPhase,
  progress: Type.Integer({ description: 'Percent. After a cancellation: percent of the way back.' }),
  source: Type.Object({ ...end, tenantKeyVersion: Type.Integer() }),
  target: Type.Object({
    ...end,
    tenantKeyVersion: Type.Optional(Type.Integer({ description: 'Absent until it exists.' })),
  }),
  cipherkeys: Type.Object({
    total: Type.Integer({ description: 'The number of cipherkeys when the copying began.' }),
    copied: Type.Integer({ description: 'Rewrapped so far. After a cancellation: brought back so far.' }),
    verified: Type.Integer({ description: 'Verified so far.' }),
    failed: Type.Integer({
      description: 'Set aside because they cannot be unwrapped, including the accepted ones.',
    }),
    accepted: Type.Integer({
      description: 'How many of the failed ones are accepted, and not destroyed since.',
    }),
    destroyed: Type.Integer({
      description: 'How many of the failed ones were destroyed after its end.',
    }),
  }),
  initiatedAt: time,
  copyStartedAt: Type.Optional(time),
  copyEndedAt: Type.Optional(time),
  completedAt: Type.Optional(
    Type.String({ description: 'When it ended, done or aborted. RFC 3339 in UTC.' }),
  ),
  cancelledAt: Type.Optional(time),
  lastError: Type.Optional(
    Type.Object(
      { code: Type.String(), message: Type.String(), at: time },
      { description: 'Why it waits; absent while it makes progress.' },
    ),
  ),
  retryAt: Type.Optional(Type.String({ description: 'When it is tried again. RFC 3339 in UTC.' })),
  keysPerSecond: Type.Optional(
    Type.Number({ description: 'Cipherkeys copied per second since the copying began.' }),
  ),
  etaSeconds: Type.Optional(
    Type.Integer({
      description:
        'When all are copied at that rate; absent where nothing was measured, and in other phases.',
    }),
  ),
  tampered: Type.Optional(tampered),
})

export type KeyJob = Static<typeof keyJob>

export const keyJobPage = Type.Object({
  migrations: Type.Array(keyJob, { description: 'The newest first.' }),
  next: Type.Optional(
    Type.String({ description: 'The value of `before` for the next page; absent on the last page.' }),
  ),
})

export const listKeyJobsQuery = Type.Object({
  before: Type.Optional(
    Type.String({ pattern: uuidPattern, description: 'The last id of the previous page.' }),
  ),
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]?|100)$',
      description: `1 to ${limits.maxKeyJobsPerPage}; default ${limits.defaultKeyJobsPerPage}.`,
    }),
  ),
})

export const keyJobFailure = Type.Object({
  dataKeyId: Type.String(),
  version: Type.Integer(),
  keyName: Type.Optional(Type.String({ description: 'Absent for a leased data key, which has no name.' })),
  tenantKeyVersion: Type.Optional(Type.Integer({ description: 'The version that wraps it.' })),
  code: Type.String(),
  at: time,
  acceptedAt: Type.Optional(time),
  acceptedBy: Type.Optional(Type.String({ description: 'The id of an API key.' })),
  tampered: Type.Optional(tampered),
})

export type KeyJobFailure = Static<typeof keyJobFailure>

export const keyJobFailurePage = Type.Object({
  failures: Type.Array(keyJobFailure, { description: 'In the order of data key id and version.' }),
  next: Type.Optional(
    Type.String({ description: 'The value of `after` for the next page; absent on the last page.' }),
  ),
})

export const listKeyJobFailuresQuery = Type.Object({
  after: Type.Optional(
    Type.String({
      pattern: `${uuidPattern.slice(0, -1)}\\.[1-9][0-9]{0,9}$`,
      description: '`next` of the previous page.',
    }),
  ),
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]{0,2}|1000)$',
      description: `1 to ${limits.maxFailures}; default ${limits.defaultFailuresPerPage}.`,
    }),
  ),
})

const namedFailures = Type.Array(
  Type.Object(
    {
      dataKeyId: Type.String({ pattern: uuidPattern }),
      version: Type.Integer({ minimum: 1, maximum: maxVersion }),
    },
    noOthers,
  ),
  { minItems: 1, maxItems: limits.maxFailures },
)

export const acceptFailuresBody = Type.Object({ failures: namedFailures }, noOthers)

export const destroyFailuresBody = Type.Object(
  { failures: namedFailures, ...scheduleDestructionBody.properties },
  noOthers,
)

export const keyJobReport = Type.Object({
  jws: Type.String({
    description: 'Compact JWS (RFC 7515, EdDSA) by one of `signing-keys`. It is the proof.',
  }),
  report: Type.Record(Type.String(), Type.Unknown(), { description: 'The payload of the JWS, for reading.' }),
})

export type KeyJobReport = Static<typeof keyJobReport>

export const jsonWebKeySet = Type.Object({
  keys: Type.Array(
    Type.Object({
      kty: Type.Literal('OKP'),
      crv: Type.Literal('Ed25519'),
      x: Type.String(),
      kid: Type.String({ description: 'RFC 7638 thumbprint.' }),
      alg: Type.Literal('EdDSA'),
      use: Type.Literal('sig'),
      validFrom: Type.Optional(Type.String({ description: 'It signs since then; RFC 3339 in UTC.' })),
      validTo: Type.Optional(
        Type.String({ description: 'Another key signs since then; absent for the key that signs.' }),
      ),
    }),
    { description: 'The oldest first, the one that signs last. All verify what they have signed.' },
  ),
  rotations: Type.Optional(
    Type.Array(
      Type.Object({
        number: Type.Integer({ description: 'Counts the rotations of the installation from 1.' }),
        statement: Type.String({
          description:
            'Compact JWS (RFC 7515, EdDSA) by the key that was replaced. Its payload has `type`, `installationId`, `number`, `replaced`, `successor` and `rotatedAt`.',
        }),
        counterstatement: Type.String({ description: 'The same payload, signed by the successor.' }),
      }),
      { description: 'Absent where the signing key was never replaced.' },
    ),
  ),
})

export type JsonWebKeySet = Static<typeof jsonWebKeySet>

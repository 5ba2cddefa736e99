// Key jobs on the wire, as Keyhold's own routes show them: migrations and rotations alike, whatever became of them.
// Times are RFC 3339 in UTC, and absent where there is none.
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import { noOthers } from './no-others.ts'

const uuidPattern = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
const maxVersion = 2_147_483_647

const time = Type.String({ description: 'RFC 3339, UTC.' })

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

const end = { fingerprint: Type.String(), arn: Type.String() }

export const keyJob = Type.Object({
  id: Type.String(),
  kind: keyJobKind,
  tenantId: Type.String(),
  phase: keyJobPhase,
  progress: Type.Integer({ description: 'Percent of the way there or, once cancelled, of the way back.' }),
  source: Type.Object({ ...end, tenantKeyVersion: Type.Integer() }),
  target: Type.Object({
    ...end,
    tenantKeyVersion: Type.Optional(Type.Integer({ description: 'Absent until it is made.' })),
  }),
  cipherkeys: Type.Object({
    total: Type.Integer({ description: 'Found when the copying began.' }),
    copied: Type.Integer({ description: 'Rewrapped so far; once cancelled: brought back so far.' }),
    verified: Type.Integer({ description: 'Opened so far by the verification.' }),
    failed: Type.Integer({ description: 'Set aside because they do not open, the accepted ones included.' }),
    accepted: Type.Integer({ description: 'Of those: accepted by name.' }),
  }),
  initiatedAt: time,
  copyStartedAt: Type.Optional(time),
  copyEndedAt: Type.Optional(time),
  completedAt: Type.Optional(Type.String({ description: 'When it ended, done or aborted. RFC 3339, UTC.' })),
  cancelledAt: Type.Optional(time),
  lastError: Type.Optional(
    Type.Object(
      { code: Type.String(), message: Type.String(), at: time },
      { description: 'Why it waits; absent while it moves.' },
    ),
  ),
  retryAt: Type.Optional(Type.String({ description: 'When it is tried again. RFC 3339, UTC.' })),
  keysPerSecond: Type.Optional(
    Type.Number({ description: 'Cipherkeys copied per second since the copying began.' }),
  ),
})

export type KeyJob = Static<typeof keyJob>

export const keyJobPage = Type.Object({
  migrations: Type.Array(keyJob, { description: 'The newest first.' }),
  next: Type.Optional(Type.String({ description: 'For `before`; absent on the last page.' })),
})

export const listKeyJobsQuery = Type.Object({
  before: Type.Optional(
    Type.String({ pattern: uuidPattern, description: 'The last id of the page before.' }),
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
  keyName: Type.Optional(Type.String({ description: 'Absent for a data key of its own.' })),
  tenantKeyVersion: Type.Optional(Type.Integer({ description: 'The version that wraps it.' })),
  code: Type.String(),
  at: time,
  acceptedAt: Type.Optional(time),
  acceptedBy: Type.Optional(Type.String({ description: 'The id of an API key.' })),
})

export type KeyJobFailure = Static<typeof keyJobFailure>

export const keyJobFailurePage = Type.Object({
  failures: Type.Array(keyJobFailure, { description: 'By data key id and version.' }),
  next: Type.Optional(Type.String({ description: 'For `after`; absent on the last page.' })),
})

export const listKeyJobFailuresQuery = Type.Object({
  after: Type.Optional(
    Type.String({
      pattern: `${uuidPattern.slice(0, -1)}\\.[1-9][0-9]{0,9}$`,
      description: '`next` of the page before.',
    }),
  ),
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]{0,2}|1000)$',
      description: `1 to ${limits.maxFailures}; default ${limits.defaultFailuresPerPage}.`,
    }),
  ),
})

export const acceptFailuresBody = Type.Object(
  {
    failures: Type.Array(
      Type.Object(
        {
          dataKeyId: Type.String({ pattern: uuidPattern }),
          version: Type.Integer({ minimum: 1, maximum: maxVersion }),
        },
        noOthers,
      ),
      { minItems: 1, maxItems: limits.maxFailures },
    ),
  },
  noOthers,
)

export const keyJobReport = Type.Object({
  jws: Type.String({
    description: 'Compact JWS (RFC 7515) with EdDSA, under one of `signing-keys`: the proof.',
  }),
  report: Type.Record(Type.String(), Type.Unknown(), { description: 'What the JWS holds, to read.' }),
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
    }),
  ),
})

export type JsonWebKeySet = Static<typeof jsonWebKeySet>

// Drills for the loss of a region. Times are RFC 3339 in UTC.
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import { keyWords } from './key-health.ts'
import { noOthers } from './no-others.ts'

const step = Type.Object({
  step: Type.Union([Type.Literal('unwrap'), Type.Literal('create')], {
    description: '`unwrap`: a stored tenant key. `create`: a new key is made, unwrapped and thrown away.',
  }),
  tenantKeyVersion: Type.Optional(Type.Integer({ description: 'Present for `unwrap`.' })),
  needed: Type.Optional(
    Type.Literal(false, {
      description:
        'Only backups or accepted failures hang on the version. It does not decide whether the region passed.',
    }),
  ),
  outcome: Type.Union([Type.Literal('passed'), Type.Literal('failed'), Type.Literal('skipped')]),
  ms: Type.Optional(Type.Integer()),
  code: Type.Optional(Type.String()),
})

const region = Type.Object({
  region: Type.String({ description: 'The region that stood in.' }),
  passed: Type.Boolean(),
  code: Type.Optional(Type.String({ description: 'The code of the first step that failed.' })),
  cause: Type.Optional(Type.String()),
  advice: Type.Optional(Type.String()),
  causeCode: Type.Optional(keyWords.causeCode),
  adviceCode: Type.Optional(keyWords.adviceCode),
  params: Type.Optional(keyWords.params),
  steps: Type.Array(step),
})

const drilledKey = Type.Object({
  keyArn: Type.String(),
  fingerprint: Type.String(),
  region: Type.String({ description: 'The region that was treated as down.' }),
  tenantKeyVersions: Type.Array(Type.Integer(), { description: 'The versions that the key wraps.' }),
  needed: Type.Optional(
    Type.Boolean({
      description:
        'Whether the tenant needs any of these versions. A key without one does not decide whether the drill passed.',
    }),
  ),
  passed: Type.Boolean({
    description: 'Whether another region unwrapped all of them that are needed, and made a new key.',
  }),
  drCompliant: Type.Boolean({ description: 'Whether every region that must be able to do that did it.' }),
  advice: Type.String({ description: 'What to do; empty if nothing.' }),
  regions: Type.Array(region),
})

export const drDrillReport = Type.Object({
  type: Type.Literal('keyhold/dr-drill/1'),
  id: Type.String(),
  tenantId: Type.String(),
  startedAt: Type.String(),
  completedAt: Type.String(),
  lostRegion: Type.Union([Type.String(), Type.Null()], {
    description: 'Only keys of this region were drilled; null if each key lost its own region.',
  }),
  passed: Type.Boolean(),
  drCompliant: Type.Boolean(),
  keys: Type.Array(drilledKey, {
    description: "The customers' keys that wrap tenant keys. Empty if the internal KMS wraps all of them.",
  }),
})

export const drDrill = Type.Object({
  jws: Type.String({ description: 'Compact JWS (RFC 7515, EdDSA) of `report`.' }),
  report: drDrillReport,
})

export type DrDrill = Static<typeof drDrill>
export type DrDrillReport = Static<typeof drDrillReport>

export const runDrDrillBody = Type.Object(
  {
    region: Type.Optional(
      Type.String({ pattern: '^[a-z0-9-]{1,32}$', description: 'Drills only keys of this region.' }),
    ),
  },
  noOthers,
)

export const drDrillPage = Type.Object({
  drills: Type.Array(
    Type.Object({
      id: Type.String(),
      jws: Type.Optional(drDrill.properties.jws),
      report: Type.Optional(drDrillReport),
      tampered: Type.Optional(
        Type.Literal(true, {
          description:
            'Keyhold has not signed the stored report, or it is that of another drill. It is not shown.',
        }),
      ),
    }),
    { description: 'The newest first.' },
  ),
  next: Type.Optional(
    Type.String({ description: 'The value of `before` for the next page; absent on the last page.' }),
  ),
})

export const listDrDrillsQuery = Type.Object({
  before: Type.Optional(
    Type.String({
      pattern: '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$',
      description: 'The last id of the previous page.',
    }),
  ),
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]?|100)$',
      description: `1 to ${limits.maxDrillsPerPage}; default ${limits.defaultDrillsPerPage}.`,
    }),
  ),
})

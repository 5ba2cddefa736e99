// Drills for the loss of a region. Times are RFC 3339 in UTC.
import Type, { type Static } from 'typebox'
import { noOthers } from './no-others.ts'

const step = Type.Object({
  step: Type.Union([Type.Literal('unwrap'), Type.Literal('create')], {
    description: 'Open a stored tenant key; make a key, open it, and throw it away.',
  }),
  tenantKeyVersion: Type.Optional(Type.Integer({ description: 'Of `unwrap`.' })),
  outcome: Type.Union([Type.Literal('passed'), Type.Literal('failed'), Type.Literal('skipped')]),
  ms: Type.Optional(Type.Integer()),
  code: Type.Optional(Type.String()),
})

const region = Type.Object({
  region: Type.String({ description: 'The one that stood in.' }),
  passed: Type.Boolean(),
  code: Type.Optional(Type.String({ description: 'Of the first step that failed.' })),
  cause: Type.Optional(Type.String()),
  advice: Type.Optional(Type.String()),
  steps: Type.Array(step),
})

const drilledKey = Type.Object({
  keyArn: Type.String(),
  fingerprint: Type.String(),
  region: Type.String({ description: 'The one that was taken to be away.' }),
  tenantKeyVersions: Type.Array(Type.Integer(), { description: 'Those that are stored under the key.' }),
  passed: Type.Boolean({ description: 'Whether another region opened all of them, and made a key.' }),
  drCompliant: Type.Boolean({ description: 'Whether each region did that has to be able to.' }),
  advice: Type.String({ description: 'What is to be done; empty: nothing.' }),
  regions: Type.Array(region),
})

export const drDrillReport = Type.Object({
  type: Type.Literal('keyhold/dr-drill/1'),
  id: Type.String(),
  tenantId: Type.String(),
  startedAt: Type.String(),
  completedAt: Type.String(),
  lostRegion: Type.Union([Type.String(), Type.Null()], {
    description: 'Keys of this region alone were drilled; null: each key lost its own region.',
  }),
  passed: Type.Boolean(),
  drCompliant: Type.Boolean(),
  keys: Type.Array(drilledKey, {
    description: "Customers' keys under which tenant keys are stored. None: the internal KMS holds them all.",
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
      Type.String({ pattern: '^[a-z0-9-]{1,32}$', description: 'Drill only keys whose own region this is.' }),
    ),
  },
  noOthers,
)

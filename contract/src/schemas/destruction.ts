// Destructions: scheduled 7 to 30 days ahead, cancellable until they are done, and proven by a signed record. Times are
// RFC 3339 in UTC, and absent where there is none.
import Type, { type Static } from 'typebox'
import { limits, tenantIdPattern } from '../limits.ts'
import { noOthers } from './no-others.ts'

const uuidPattern = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'

const time = Type.String({ description: 'RFC 3339, UTC.' })

export const scheduleDestructionBody = Type.Object(
  {
    inDays: Type.Integer({
      minimum: limits.minDestructionDays,
      maximum: limits.maxDestructionDays,
      description: 'In how many times 24 hours.',
    }),
  },
  noOthers,
)

export const destruction = Type.Object({
  id: Type.String(),
  kind: Type.Union([
    Type.Literal('tenant', { description: 'The tenant and everything that is kept for it.' }),
    Type.Literal('data-key', { description: 'All versions of one named data key.' }),
  ]),
  tenantId: Type.String(),
  keyName: Type.Optional(Type.String({ description: 'Of a data key.' })),
  dataKeyId: Type.Optional(Type.String({ description: 'As in the header of every token.' })),
  state: Type.Union([Type.Literal('scheduled'), Type.Literal('cancelled'), Type.Literal('destroyed')]),
  scheduledAt: time,
  scheduledBy: Type.String({ description: 'The id of an API key.' }),
  dueAt: Type.String({
    description: 'Not destroyed before; later where a migration or rotation is running then. RFC 3339, UTC.',
  }),
  cancelledAt: Type.Optional(time),
  cancelledBy: Type.Optional(Type.String({ description: 'The id of an API key.' })),
  destroyedAt: Type.Optional(time),
})

export type Destruction = Static<typeof destruction>

export const destructionWithRecord = Type.Object({
  ...destruction.properties,
  jws: Type.Optional(
    Type.String({
      description: 'Compact JWS (RFC 7515) with EdDSA, under one of `signing-keys`: the proof.',
    }),
  ),
  record: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), { description: 'What the JWS holds, to read.' }),
  ),
})

export type DestructionWithRecord = Static<typeof destructionWithRecord>

export const destructionPage = Type.Object({
  destructions: Type.Array(destruction, { description: 'The newest first.' }),
  next: Type.Optional(Type.String({ description: 'For `before`; absent on the last page.' })),
})

const page = {
  before: Type.Optional(
    Type.String({ pattern: uuidPattern, description: 'The last id of the page before.' }),
  ),
  limit: Type.Optional(
    Type.String({
      pattern: '^([1-9][0-9]?|100)$',
      description: `1 to ${limits.maxDestructionsPerPage}; default ${limits.defaultDestructionsPerPage}.`,
    }),
  ),
}

export const listDestructionsQuery = Type.Object(page)

export const listAllDestructionsQuery = Type.Object({
  ...page,
  tenantId: Type.Optional(
    Type.String({ pattern: tenantIdPattern, description: 'Of this tenant alone, deleted or not.' }),
  ),
})

// Destructions are scheduled 7 to 30 days ahead, can be cancelled until they are done, and leave a signed record. Times
// are RFC 3339 in UTC, and absent if there is none.
import Type, { type Static } from 'typebox'
import { limits, tenantIdPattern } from '../limits.ts'
import { noOthers } from './no-others.ts'

const uuidPattern = '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'

const time = Type.String({ description: 'RFC 3339 in UTC.' })

export const scheduleDestructionBody = Type.Object(
  {
    inDays: Type.Integer({
      minimum: limits.minDestructionDays,
      maximum: limits.maxDestructionDays,
      description: 'The number of days, of 24 hours each.',
    }),
  },
  noOthers,
)

export const destruction = Type.Object({
  id: Type.String(),
  kind: Type.Union([
    Type.Literal('tenant', { description: 'The tenant and everything stored for it.' }),
    Type.Literal('data-key', { description: 'All versions of one named data key.' }),
    Type.Literal('cipherkeys', { description: 'Single cipherkeys that do not open and were accepted.' }),
  ]),
  tenantId: Type.String(),
  keyName: Type.Optional(Type.String({ description: 'The name of the data key.' })),
  dataKeyId: Type.Optional(Type.String({ description: 'The id in the header of every token.' })),
  cipherkeys: Type.Optional(Type.Integer({ description: 'How many single cipherkeys.' })),
  state: Type.Union([
    Type.Literal('scheduled'),
    Type.Literal('cancelled'),
    Type.Literal('destroying', {
      description:
        'Of a tenant: its keys are destroyed, and its rows are being deleted. It cannot be cancelled any more.',
    }),
    Type.Literal('destroyed'),
    Type.Literal('tampered', {
      description:
        'The stored row is not as Keyhold wrote it. Nothing follows from it, and no member is to be trusted.',
    }),
  ]),
  scheduledAt: time,
  scheduledBy: Type.String({ description: 'The id of an API key.' }),
  dueAt: Type.String({
    description:
      'The earliest time of the destruction. It waits for a key job that is running then. RFC 3339 in UTC.',
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
      description: 'Compact JWS (RFC 7515, EdDSA) by one of `signing-keys`. It is the proof.',
    }),
  ),
  record: Type.Optional(
    Type.Record(Type.String(), Type.Unknown(), { description: 'The payload of the JWS, for reading.' }),
  ),
})

export type DestructionWithRecord = Static<typeof destructionWithRecord>

export const destructionPage = Type.Object({
  destructions: Type.Array(destruction, { description: 'The newest first.' }),
  next: Type.Optional(
    Type.String({ description: 'The value of `before` for the next page; absent on the last page.' }),
  ),
})

const page = {
  before: Type.Optional(
    Type.String({ pattern: uuidPattern, description: 'The last id of the previous page.' }),
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
    Type.String({
      pattern: tenantIdPattern,
      description: 'Lists the destructions of this tenant only, deleted or not.',
    }),
  ),
})

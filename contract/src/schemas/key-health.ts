// The health of a key provider on the wire. Times are RFC 3339 in UTC.
import Type, { type Static } from 'typebox'
import { keyAlias } from './key-alias.ts'

const regionState = [
  Type.Literal('healthy'),
  Type.Literal('denied'),
  Type.Literal('disabled'),
  Type.Literal('pendingDeletion'),
  Type.Literal('notFound'),
  Type.Literal('throttled'),
  Type.Literal('unreachable'),
  Type.Literal('misconfigured'),
  Type.Literal('tampered', {
    description:
      'The stored state is not as Keyhold wrote it: nobody knows the state of the key, and no region stands in.',
  }),
] as const

export const keyHealth = Type.Object({
  state: Type.Union([...regionState, Type.Literal('degraded')], {
    description:
      "The state in the key's own region. `degraded`: that region is down, and another one stands in.",
  }),
  cause: Type.String(),
  since: Type.String(),
  checkedAt: Type.String({ description: 'When AWS KMS was last called.' }),
  advice: Type.String({ description: 'What the owner of the key can do; empty if nothing.' }),
  regions: Type.Array(
    Type.Object({
      region: Type.String(),
      state: Type.Union([...regionState]),
      cause: Type.String(),
      since: Type.String(),
      checkedAt: Type.String(),
      advice: Type.String({
        description: 'What the owner of the key can do in this region; empty if nothing.',
      }),
    }),
    { description: "The key's own region first." },
  ),
  needed: Type.Optional(
    Type.Boolean({
      description:
        'Whether the key wraps a tenant key version that the tenant needs. If not, its state locks nothing but what was accepted as unreadable. Absent in lists.',
    }),
  ),
  alias: Type.Optional(keyAlias),
})

export type KeyHealth = Static<typeof keyHealth>

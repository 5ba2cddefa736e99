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
] as const

export const keyHealth = Type.Object({
  state: Type.Union([...regionState, Type.Literal('degraded')], {
    description: "Of the key's own region; degraded: that one is away, and another one stands in.",
  }),
  cause: Type.String(),
  since: Type.String(),
  checkedAt: Type.String({ description: 'When AWS KMS was last asked.' }),
  advice: Type.String({ description: 'What the owner of the key can do; empty: nothing.' }),
  regions: Type.Array(
    Type.Object({
      region: Type.String(),
      state: Type.Union([...regionState]),
      cause: Type.String(),
      since: Type.String(),
      checkedAt: Type.String(),
      advice: Type.String({ description: 'What the owner of the key can do there; empty: nothing.' }),
    }),
    { description: "The key's own region first." },
  ),
  alias: Type.Optional(keyAlias),
})

export type KeyHealth = Static<typeof keyHealth>

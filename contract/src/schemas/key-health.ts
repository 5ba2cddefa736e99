// The health of a key provider on the wire. Times are RFC 3339 in UTC.
import {
  actingParties,
  keyAdviceCodes,
  keyCauseCodes,
  type ActingParty,
  type KeyAdviceCode,
  type KeyCauseCode,
} from '@keyhold/core/key-sentences'
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

/** Whose turn it is. */
export const actingParty = Type.Unsafe<ActingParty>(
  Type.Union(
    actingParties.map((party) => Type.Literal(party)),
    {
      description:
        'Whose turn it is: `operator` of this installation; `you`, the people of the tenant; `your-key`, whoever manages the key in its KMS; `aws`; or `nobody`.',
    },
  ),
)

/** Cause and advice once more, as codes, for pages in other languages. */
export const keyWords = {
  causeCode: Type.Unsafe<KeyCauseCode>(Type.Union(keyCauseCodes.map((code) => Type.Literal(code)))),
  adviceCode: Type.Unsafe<KeyAdviceCode>(Type.Union(keyAdviceCodes.map((code) => Type.Literal(code)))),
  params: Type.Record(Type.String(), Type.String(), {
    description: 'What stands in the sentences of both codes, by name.',
  }),
  owner: actingParty,
}

export const keyHealth = Type.Object({
  state: Type.Union([...regionState, Type.Literal('degraded')], {
    description:
      "The state in the key's own region. `degraded`: that region is down, and another one stands in.",
  }),
  cause: Type.String(),
  since: Type.String(),
  checkedAt: Type.String({ description: 'When AWS KMS was last called.' }),
  advice: Type.String({ description: 'What the owner of the key can do; empty if nothing.' }),
  ...keyWords,
  standIn: Type.Optional(
    Type.String({ description: 'The region that stands in, if the state is `degraded`.' }),
  ),
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
      ...keyWords,
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

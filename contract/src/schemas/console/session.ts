// Who calls, as the server sees the access token or the certificate of the request.
import Type, { type Static } from 'typebox'
import { roles, type Role } from '../../roles.ts'
import { endsAt, kind as sessionKind, signedInAt } from '../people/session.ts'

export const session = Type.Object({
  caller: Type.Object({
    kind: Type.Union(
      [Type.Literal('api-key'), Type.Literal('jwt'), Type.Literal('certificate'), Type.Literal('person')],
      {
        description:
          'How the caller was authenticated. `person`: an identity provider has named it. A session that was exchanged for an API key calls as that API key.',
      },
    ),
    id: Type.String({
      description:
        'The id of the API key, or `issuer#subject` of a JWT or a certificate: as in audit records.',
    }),
    name: Type.Optional(Type.String({ description: 'For people; absent if nobody gave one.' })),
    role: Type.Unsafe<Role>(Type.Union(roles.map((role) => Type.Literal(role)))),
    scopes: Type.Optional(
      Type.Array(Type.String(), {
        description: "What is left of the role's permissions. Absent: all of them; empty: nothing.",
      }),
    ),
    expiresAt: Type.Optional(
      Type.String({
        description: 'When the API key ends by itself; absent if it does not. RFC 3339 in UTC.',
      }),
    ),
  }),
  permissions: Type.Array(Type.String(), {
    description: 'The permissions that this caller has: those of its role which its scopes leave.',
  }),
  tenant: Type.Optional(
    Type.Object(
      { id: Type.String(), name: Type.String() },
      { description: 'The tenant that requests act on; absent for operators.' },
    ),
  ),
  session: Type.Optional(
    Type.Object(
      {
        id: Type.String(),
        ...{ kind: sessionKind, signedInAt, endsAt },
        idleSeconds: Type.Integer({ description: 'Without a request for so long it ends earlier.' }),
      },
      { description: 'Absent: it calls without a session.' },
    ),
  ),
  features: Type.Object(
    {
      webIdentity: Type.Boolean({ description: 'Whether roles can be assumed with identity tokens.' }),
      multiRegionRequired: Type.Boolean({ description: 'Whether single-region keys are refused.' }),
      contextConditionRequired: Type.Boolean({
        description: 'Whether keys are refused whose policy admits every tenant.',
      }),
    },
    { description: 'What this installation offers and asks for, so that no page offers what is refused.' },
  ),
  now: Type.String({ description: "The database's time, for countdowns. RFC 3339 in UTC." }),
})

export type Session = Static<typeof session>

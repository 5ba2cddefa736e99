// Sessions of people.
import Type, { type Static } from 'typebox'
import { noOthers } from '../no-others.ts'
import { listByAgeQuery, next } from '../pages.ts'

export const kind = Type.Union([Type.Literal('browser'), Type.Literal('cli')], {
  description: '`browser`: its secret is a cookie; `cli`: an access token.',
})
export const endsAt = Type.String({ description: 'Then it ends, whatever is sent. RFC 3339 in UTC.' })
export const signedInAt = Type.String({
  description: 'When its owner last proved who he is. RFC 3339 in UTC.',
})

export const endSessionQuery = Type.Object({
  all: Type.Optional(
    Type.Literal('true', { description: 'Ends all sessions of its owner, not this one alone.' }),
  ),
})

export const createSessionBody = Type.Object({ kind: Type.Optional(kind) }, noOthers)

export const createdSession = Type.Object({
  id: Type.String(),
  kind,
  endsAt,
  token: Type.Optional(
    Type.String({ description: 'The access token of a session of the CLI. It is shown only once.' }),
  ),
})

const listedSession = Type.Object({
  id: Type.String(),
  kind,
  owner: Type.String({ description: 'The id of an API key, or `issuer#subject` of a person.' }),
  name: Type.String(),
  role: Type.String(),
  tenantId: Type.Optional(Type.String()),
  createdAt: Type.String(),
  signedInAt,
  seenAt: Type.String({ description: 'Its last use. It lags by a minute or two. RFC 3339 in UTC.' }),
  endsAt,
})

export type ListedSession = Static<typeof listedSession>

export const sessionList = Type.Object({
  sessions: Type.Array(listedSession, { description: 'In the order in which they began.' }),
  next: next('after'),
})

export const listSessionsQuery = listByAgeQuery('Sessions')

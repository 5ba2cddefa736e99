// The replicas of an installation, for its operator.
import Type, { type Static } from 'typebox'

export const replicaList = Type.Object({
  replicas: Type.Array(
    Type.Object({
      id: Type.String(),
      live: Type.Boolean({ description: 'Whether it has given a sign of life of late.' }),
      startedAt: Type.String({ description: 'RFC 3339 in UTC.' }),
      seenAt: Type.String({ description: 'Its last sign of life. RFC 3339 in UTC.' }),
      host: Type.Optional(Type.String()),
      version: Type.Optional(Type.String()),
      rootKeyId: Type.Optional(
        Type.String({ description: 'Of the root key that it holds; absent where it is sealed.' }),
      ),
      requiresMacs: Type.Optional(Type.Boolean()),
    }),
    {
      description:
        'The oldest first. They tell so themselves, and whoever can write to the database can tell others.',
    },
  ),
})

export type ReplicaList = Static<typeof replicaList>

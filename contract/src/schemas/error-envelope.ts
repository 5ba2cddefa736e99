// The error envelope of every route.
import Type, { type Static } from 'typebox'

export const errorEnvelope = Type.Object({
  errors: Type.Array(
    Type.Object({
      code: Type.String({ description: 'A code of docs/errors.md.' }),
      title: Type.String({ description: 'What the code means.' }),
      detail: Type.Optional(Type.String({ description: 'What is special about this case.' })),
    }),
  ),
  traceId: Type.String({ description: 'The name of the request in the logs.' }),
})

export type ErrorEnvelope = Static<typeof errorEnvelope>

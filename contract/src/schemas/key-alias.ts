// The alias by which a key was registered. Keyhold stays with the key, wherever the alias goes.
import Type, { type Static } from 'typebox'

const call = { method: Type.Literal('POST'), path: Type.String() }

export const keyAlias = Type.Object(
  {
    arn: Type.String(),
    state: Type.Union([Type.Literal('same'), Type.Literal('moved'), Type.Literal('unresolved')]),
    movedTo: Type.Optional(Type.String({ description: 'The ARN of the key that it names now.' })),
    message: Type.Optional(Type.String()),
    offer: Type.Optional(
      Type.Object(
        {
          arnFingerPrint: Type.String({ description: 'Of the key that it names now.' }),
          register: Type.Object({
            ...call,
            body: Type.Object({
              name: Type.String(),
              arn: Type.String(),
              roleArn: Type.Optional(Type.String()),
            }),
          }),
          migrate: Type.Object(call),
        },
        { description: 'The two requests that follow a moved alias; neither is made by Keyhold itself.' },
      ),
    ),
    checkedAt: Type.String(),
  },
  { description: 'The alias by which the key was registered; Keyhold stays with the key.' },
)

export type KeyAlias = Static<typeof keyAlias>

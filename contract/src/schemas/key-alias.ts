// The alias by which a key was registered. Keyhold stays with the key, even if the alias is moved.
import Type, { type Static } from 'typebox'

const call = { method: Type.Literal('POST'), path: Type.String() }

export const keyAlias = Type.Object(
  {
    arn: Type.String(),
    state: Type.Union([Type.Literal('same'), Type.Literal('moved'), Type.Literal('unresolved')]),
    movedTo: Type.Optional(Type.String({ description: 'The ARN of the key that the alias names now.' })),
    problem: Type.Optional(
      Type.Union([Type.Literal('account'), Type.Literal('kind')], {
        description:
          'Why the alias cannot be followed: a key of another account or region, or of another kind.',
      }),
    ),
    message: Type.Optional(Type.String()),
    offer: Type.Optional(
      Type.Object(
        {
          arnFingerPrint: Type.String({
            description: 'The fingerprint of the key that the alias names now.',
          }),
          register: Type.Object({
            ...call,
            body: Type.Object({
              name: Type.String(),
              arn: Type.String(),
              roleArn: Type.Optional(Type.String()),
              roleAccess: Type.Optional(Type.Literal('web-identity')),
            }),
          }),
          migrate: Type.Object(call),
        },
        { description: 'The two requests that follow a moved alias. Keyhold never makes them itself.' },
      ),
    ),
    checkedAt: Type.String(),
  },
  {
    description:
      'The alias by which the key was registered. Keyhold stays with the key, even if the alias is moved.',
  },
)

export type KeyAlias = Static<typeof keyAlias>

// The brand of the installation. States have colours of their own, which no brand changes.
import Type, { type Static } from 'typebox'
import { noOthers } from '../no-others.ts'

const link = (description: string) =>
  Type.Optional(Type.String({ minLength: 9, maxLength: 2_048, pattern: '^https://', description }))

const texts = {
  name: Type.String({ minLength: 1, maxLength: 64, description: 'Of the vendor or the product.' }),
  accent: Type.Optional(
    Type.String({
      pattern: '^#[0-9a-f]{6}$',
      description: 'One colour, on which white text has a contrast of 4.5 at least.',
    }),
  ),
  contact: Type.Optional(
    Type.String({ minLength: 1, maxLength: 256, description: 'Whom people ask for help.' }),
  ),
  imprintUrl: link('The legal notice.'),
  privacyUrl: link('The privacy notice.'),
  termsUrl: link('The terms of use.'),
}

const logoType = Type.Union([
  Type.Literal('image/png'),
  Type.Literal('image/jpeg'),
  Type.Literal('image/webp'),
])

export const saveBrandBody = Type.Object(
  {
    ...texts,
    logo: Type.Optional(
      Type.Object(
        {
          type: logoType,
          data: Type.String({
            minLength: 4,
            maxLength: 136_536,
            pattern: '^[A-Za-z0-9+/]+={0,2}$',
            description: 'The picture in base64, of 100 KiB at most.',
          }),
        },
        noOthers,
      ),
    ),
  },
  noOthers,
)

export const brand = Type.Object({
  ...texts,
  logo: Type.Optional(
    Type.Object({
      type: logoType,
      path: Type.String({ description: 'Where the server has the picture, for everybody.' }),
    }),
  ),
  version: Type.Optional(
    Type.Integer({ description: 'It rises with each change; absent if nobody has set a brand.' }),
  ),
})

export type BrandInformation = Static<typeof brand>

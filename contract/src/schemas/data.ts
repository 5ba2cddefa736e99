// The data plane on the wire. Items are checked one by one, so that a bad one never fails the others; the request's
// own schema therefore asks only for a list of the right length.
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'

const ref = Type.Optional(Type.String({ maxLength: limits.maxRefCharacters, description: 'Echoed.' }))
const context = Type.Optional(Type.Record(Type.String(), Type.String()))

export const itemsBody = Type.Object({
  items: Type.Array(Type.Unknown(), { minItems: 1, maxItems: limits.maxItems }),
})

export const encryptItem = Type.Object({
  plaintext: Type.String({ description: 'Base64.' }),
  keyName: Type.Optional(Type.String()),
  context,
  ref,
})

export const decryptItem = Type.Object({
  token: Type.String(),
  context,
  ref,
})

export type EncryptItem = Static<typeof encryptItem>
export type DecryptItem = Static<typeof decryptItem>

const itemError = Type.Object({
  error: Type.Object({ code: Type.String(), title: Type.String(), detail: Type.Optional(Type.String()) }),
  ref,
})

export const encryptReply = Type.Object({
  items: Type.Array(Type.Union([Type.Object({ token: Type.String(), ref }), itemError])),
})

export const decryptReply = Type.Object({
  items: Type.Array(Type.Union([Type.Object({ plaintext: Type.String(), ref }), itemError])),
})

export type EncryptReply = Static<typeof encryptReply>
export type DecryptReply = Static<typeof decryptReply>

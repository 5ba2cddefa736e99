// The data plane on the wire. Items are checked one by one, so that a bad one never fails the others. So the schema of
// the request asks only for a list of the right length.
import Type, { type Static } from 'typebox'
import { keyNamePattern, limits } from '../limits.ts'
import { noOthers } from './no-others.ts'

const ref = Type.Optional(
  Type.String({ maxLength: limits.maxRefCharacters, description: 'Comes back with the result.' }),
)
const context = Type.Optional(Type.Record(Type.String(), Type.String()))

export const itemsBody = Type.Object(
  { items: Type.Array(Type.Unknown(), { minItems: 1, maxItems: limits.maxItems }) },
  noOthers,
)

export const encryptItem = Type.Object(
  {
    plaintext: Type.String({ description: 'Base64.' }),
    keyName: Type.Optional(Type.String()),
    context,
    ref,
  },
  noOthers,
)

export const decryptItem = Type.Object(
  {
    token: Type.String(),
    context,
    ref,
  },
  noOthers,
)

const described = { minItems: 1, maxItems: limits.maxItems }

/** The body of `encrypt` with its items, for descriptions of the API. */
export const encryptBody = Type.Object(
  { items: Type.Array(encryptItem, described) },
  {
    ...noOthers,
    examples: [
      { items: [{ plaintext: 'aGVsbG8=', keyName: 'default', context: { table: 'users' }, ref: '1' }] },
    ],
  },
)

/** The body of `decrypt` and `reencrypt` with its items, for descriptions of the API. */
export const decryptBody = Type.Object({ items: Type.Array(decryptItem, described) }, noOthers)

export type EncryptItem = Static<typeof encryptItem>
export type DecryptItem = Static<typeof decryptItem>

/** Stands in place of the result of an item that is at fault. It is told from a result by its member `error`. */
export const refusedItem = Type.Object({
  error: Type.Object({
    code: Type.String({ description: 'A code of docs/errors.md.' }),
    title: Type.String({ description: 'What the code means.' }),
    detail: Type.Optional(Type.String({ description: 'What is special about this case.' })),
  }),
  ref,
})

export const encryptedItem = Type.Object({
  token: Type.String({ description: 'The encrypted value. `decrypt` takes it as it is.' }),
  ref,
})

export const decryptedItem = Type.Object({ plaintext: Type.String({ description: 'Base64.' }), ref })

export const reencryptedItem = Type.Object({
  token: Type.String(),
  reencrypted: Type.Boolean({ description: 'False if the token was already under the active data key.' }),
  ref,
})

const inOrder = { description: 'As many as in the request, in the same order.' }

export const encryptReply = Type.Object({
  items: Type.Array(Type.Union([encryptedItem, refusedItem]), inOrder),
})

export const decryptReply = Type.Object({
  items: Type.Array(Type.Union([decryptedItem, refusedItem]), inOrder),
})

export type EncryptReply = Static<typeof encryptReply>
export type DecryptReply = Static<typeof decryptReply>

export const reencryptReply = Type.Object({
  items: Type.Array(Type.Union([reencryptedItem, refusedItem]), inOrder),
})

export type ReencryptReply = Static<typeof reencryptReply>

const lease = {
  tenantId: Type.String(),
  plaintext: Type.String({ description: 'The key: 32 bytes in base64.' }),
  expiresAt: Type.String({ description: 'RFC 3339, by the clock of the database.' }),
  expiresInSeconds: Type.Number({
    description: 'Count it from before the request was sent. 0 means: use the key for one operation only.',
  }),
}

/** A data key for local encryption, with the time until which its plaintext may be held. */
export const dataKeyLease = Type.Object({
  ...lease,
  dataKeyId: Type.String(),
  version: Type.Integer(),
  header: Type.String({
    description: 'The 26 bytes that begin everything the key encrypts, in base64.',
  }),
})

export type DataKeyLease = Static<typeof dataKeyLease>

export const createDataKeyLeaseBody = Type.Object({}, noOthers)

export const unwrapDataKeyBody = Type.Object(
  {
    header: Type.String({
      maxLength: 64,
      description: 'The first 26 bytes of an encrypted value, in base64.',
    }),
  },
  noOthers,
)

export const blindIndexKeyBody = Type.Object({ keyName: Type.String({ pattern: keyNamePattern }) }, noOthers)

/** The key of a blind index, which never changes, with the time until which it may be held. */
export const blindIndexKey = Type.Object(lease)

export type BlindIndexKey = Static<typeof blindIndexKey>

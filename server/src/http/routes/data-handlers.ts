// The routes that encrypt, decrypt and re-encrypt. Each item is checked on its own, and a bad one becomes its own error.
import {
  keyNamePattern,
  limits,
  type DecryptItem,
  type DecryptReply,
  type EncryptItem,
  type EncryptReply,
  type ReencryptReply,
} from '@keyhold/contract'
import { decryptItem, encryptItem } from '@keyhold/contract/schemas'
import {
  checkEncryptionContext,
  errorSummary,
  KeyholdError,
  parseBase64,
  parseToken,
  sealedLength,
  tokenLength,
} from '@keyhold/core'
import { Compile } from 'typebox/compile'
import { andThen } from '../../event-loop/and-then.ts'
import { mapInSlices } from '../../event-loop/map-in-slices.ts'
import { decrypt, type TokenItem } from '../../data/decrypt.ts'
import { encrypt, type PlainItem } from '../../data/encrypt.ts'
import { outcomeOf } from '../../data/item-outcome.ts'
import { reencrypt, type ReencryptItem } from '../../data/reencrypt.ts'
import type { RequestKeys } from '../../data/request-keys.ts'
import type { Handlers } from '../server/handler.ts'
import type { KeyRequest } from './scoped-keys.ts'

const encryptItemForm = Compile(encryptItem)
const decryptItemForm = Compile(decryptItem)
const keyNameForm = new RegExp(keyNamePattern)
const defaultKeyName = 'default'
const maxPlaintextCharacters = Math.ceil(limits.maxItemPlaintextBytes / 3) * 4
const maxTokenCharacters = tokenLength(sealedLength(limits.maxItemPlaintextBytes))

/** Finds the keys of a request: those that its caller's scopes leave. */
export interface KeysOf {
  keysOf: (request: KeyRequest) => RequestKeys
}

export function dataHandlers({ keysOf }: KeysOf): Pick<Handlers, 'encrypt' | 'decrypt' | 'reencrypt'> {
  return {
    encrypt({ tenantId, caller, body }) {
      const parsed = mapInSlices(body.items, (item) => outcomeOf(() => parsePlainItem(item)))
      const outcomes = andThen(parsed, (items) =>
        encrypt(keysOf({ tenantId, caller, permission: 'encrypt' }), items),
      )
      const replies = andThen(outcomes, (encrypted) =>
        mapInSlices(encrypted, (outcome, index): EncryptReply['items'][number] => {
          const ref = refOf(body.items[index])
          return 'error' in outcome
            ? { error: errorWire(outcome.error), ...ref }
            : { token: outcome.value, ...ref }
        }),
      )
      return andThen(replies, (items) => ({ status: 200, body: { items } }))
    },

    decrypt({ tenantId, caller, body }) {
      const parsed = mapInSlices(body.items, (item) => outcomeOf(() => parseTokenItem(item)))
      const outcomes = andThen(parsed, (items) =>
        decrypt(keysOf({ tenantId, caller, permission: 'decrypt' }), items),
      )
      const replies = andThen(outcomes, (decrypted) =>
        mapInSlices(decrypted, (outcome, index): DecryptReply['items'][number] => {
          const ref = refOf(body.items[index])
          return 'error' in outcome
            ? { error: errorWire(outcome.error), ...ref }
            : { plaintext: outcome.value.toString('base64'), ...ref }
        }),
      )
      return andThen(replies, (items) => ({ status: 200, body: { items } }))
    },

    async reencrypt({ tenantId, caller, body }) {
      const outcomes = await reencrypt(
        keysOf({ tenantId, caller, permission: 'reencrypt' }),
        await mapInSlices(body.items, (item) => outcomeOf(() => parseReencryptItem(item))),
        defaultKeyName,
      )
      const items = await mapInSlices(outcomes, (outcome, index): ReencryptReply['items'][number] => {
        const ref = refOf(body.items[index])
        return 'error' in outcome ? { error: errorWire(outcome.error), ...ref } : { ...outcome.value, ...ref }
      })
      return { status: 200, body: { items } }
    },
  }
}

function parsePlainItem(item: unknown): PlainItem {
  if (!encryptItemForm.Check(item)) throw badItem('{ plaintext, keyName?, context?, ref? }')
  const { plaintext: text, keyName = defaultKeyName, context }: EncryptItem = item
  if (text.length > maxPlaintextCharacters) throw tooLarge()
  const plaintext = parseBase64(text)
  if (plaintext === undefined) throw new KeyholdError('ERR_PLAINTEXT_INVALID')
  if (plaintext.length > limits.maxItemPlaintextBytes) throw tooLarge()
  if (!keyNameForm.test(keyName)) {
    throw new KeyholdError('ERR_KEY_NAME_INVALID', { message: `A key name matches ${keyNamePattern}.` })
  }
  return { plaintext, keyName, context: checkEncryptionContext(context) }
}

function parseTokenItem(item: unknown): TokenItem {
  if (!decryptItemForm.Check(item)) throw badItem('{ token, context?, ref? }')
  const { token, context }: DecryptItem = item
  if (token.length > maxTokenCharacters) throw new KeyholdError('ERR_TOKEN_INVALID')
  return { token: parseToken(token), context: checkEncryptionContext(context) }
}

function parseReencryptItem(item: unknown): ReencryptItem {
  const parsed = parseTokenItem(item)
  return { ...parsed, text: (item as DecryptItem).token }
}

function badItem(form: string): KeyholdError {
  return new KeyholdError('ERR_INVALID_REQUEST', { message: `The item is not of the form ${form}.` })
}

function tooLarge(): KeyholdError {
  return new KeyholdError('ERR_ITEM_TOO_LARGE', {
    message: `An item has at most ${limits.maxItemPlaintextBytes} bytes of plaintext.`,
  })
}

// A bad item still gets its ref back if the ref itself is valid.
function refOf(item: unknown): { ref?: string } {
  if (typeof item !== 'object' || item === null || !('ref' in item) || typeof item.ref !== 'string') return {}
  return item.ref.length <= limits.maxRefCharacters ? { ref: item.ref } : {}
}

function errorWire({ code, message }: KeyholdError): { code: string; title: string; detail?: string } {
  const title = errorSummary(code)
  return { code, title, ...(message !== title && { detail: message }) }
}

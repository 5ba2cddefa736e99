// The text of a reply with items. Tokens and plaintexts are in base64, which needs no escapes: put together, the text
// of a hundred of them takes a fraction of what looking through each for characters to escape would.
import type { DecryptReply, EncryptReply, ReencryptReply } from '@keyhold/contract'

export type ItemReply = EncryptReply | DecryptReply | ReencryptReply

type Item = ItemReply['items'][number]

/** The same as `JSON.stringify`. */
export function itemReplyJson({ items }: ItemReply): string {
  let text = '{"items":['
  let separator = ''
  for (const item of items) {
    text += separator + itemJson(item)
    separator = ','
  }
  return `${text}]}`
}

function itemJson(item: Item): string {
  if ('error' in item) return JSON.stringify(item)
  const ref = item.ref === undefined ? '}' : `,"ref":${JSON.stringify(item.ref)}}`
  if ('plaintext' in item) return `{"plaintext":"${item.plaintext}"${ref}`
  if ('reencrypted' in item) return `{"token":"${item.token}","reencrypted":${item.reencrypted}${ref}`
  return `{"token":"${item.token}"${ref}`
}

// Makes the text of a reply with items. Tokens and plaintexts are base64, which needs no escapes. So joining them costs a
// fraction of JSON.stringify, which searches each for characters to escape. Many items are joined as bytes, because a
// long text would be copied, measured and copied again on its way out, which takes six times as long.
import { andThen } from '../../event-loop/and-then.ts'
import { mapInSlices } from '../../event-loop/map-in-slices.ts'
import type { DecryptReply, EncryptReply, ReencryptReply } from '@keyhold/contract'

export type ItemReply = EncryptReply | DecryptReply | ReencryptReply

type Item = ItemReply['items'][number]

// From this number of items or characters on, bytes are cheaper than text.
const minItemsAsBytes = 8
const minCharactersAsBytes = 65_536
const start = '{"items":['
const end = ']}'
// UTF-8 bytes of one UTF-16 code unit.
const maxUtf8Bytes = 3

/** Has the same result as `JSON.stringify`, as text or in UTF-8. A long one is made in slices. */
export function itemReplyJson({ items }: ItemReply): string | Buffer | Promise<Buffer> {
  if (items.length >= minItemsAsBytes) return asBytes(items)
  let characters = 0
  for (const item of items) characters += valueOf(item).length
  return characters < minCharactersAsBytes ? asText(items) : asBytes(items)
}

function asText(items: readonly Item[]): string {
  let text = start
  let separator = ''
  for (const item of items) {
    text += separator + before(item) + valueOf(item) + after(item)
    separator = ','
  }
  return text + end
}

function asBytes(items: readonly Item[]): Buffer | Promise<Buffer> {
  const afters = items.map(after)
  let maxBytes = start.length + end.length
  for (const [index, item] of items.entries()) {
    maxBytes += before(item).length + valueOf(item).length + (afters[index] ?? '').length * maxUtf8Bytes + 1
  }
  const bytes = Buffer.allocUnsafe(maxBytes)
  let at = bytes.write(start, 'latin1')
  const written = mapInSlices(items, (item, index) => {
    if (index > 0) at += bytes.write(',', at, 'latin1')
    at += bytes.write(before(item), at, 'latin1')
    at += bytes.write(valueOf(item), at, 'latin1')
    at += bytes.write(afters[index] ?? '', at, 'utf8')
  })
  return andThen(written, () => {
    at += bytes.write(end, at, 'latin1')
    return bytes.subarray(0, at)
  })
}

// The text before the value. Both are ASCII.
function before(item: Item): string {
  if ('error' in item) return ''
  return 'plaintext' in item ? '{"plaintext":"' : '{"token":"'
}

function valueOf(item: Item): string {
  if ('error' in item) return ''
  return 'plaintext' in item ? item.plaintext : item.token
}

function after(item: Item): string {
  if ('error' in item) return JSON.stringify(item)
  const ref = item.ref === undefined ? '}' : `,"ref":${JSON.stringify(item.ref)}}`
  return 'reencrypted' in item ? `","reencrypted":${item.reencrypted}${ref}` : `"${ref}`
}

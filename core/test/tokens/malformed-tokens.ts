// Texts that are no token, each with its flaw. The parser refuses them before any look-up or crypto.
import { headerBytes } from '../../src/token.ts'

const fingerprint = '0123456789abcdef0123456789abcdef'

/** Rows of a description and a text, made from a token of one chunk. */
export function malformedTokens(token: string): [what: string, text: string][] {
  const bytes = Buffer.from(token.slice(4), 'base64url')
  const head = bytes.subarray(0, headerBytes)

  /** A token around any content. */
  const asToken = (content: Uint8Array): string => `kh1.${Buffer.from(content).toString('base64url')}`
  const withSealed = (length: number): string => asToken(Buffer.concat([head, Buffer.alloc(length)]))
  const withHeader = (offset: number, ...values: number[]): string => {
    const copy = Buffer.from(bytes)
    copy.set(values, offset)
    return asToken(copy)
  }
  const body = token.slice(4)

  return [
    ['an empty text', ''],
    ['one character', 'k'],
    ['the prefix alone', 'kh1.'],
    ['a prefix without a dot', token.replace('.', '')],
    ['a prefix in capitals', token.replace('kh1', 'KH1')],
    ['an unknown version of the prefix', token.replace('kh1', 'kh2')],
    ['the prefix two times', `kh1.${token}`],
    ['no prefix', body],
    ['a space in front', ` ${token}`],
    ['a space at the end', `${token} `],
    ['a line break in front', `\n${token}`],
    ['a line break at the end', `${token}\n`],
    ['a line break inside', `${token.slice(0, 50)}\n${token.slice(50)}`],
    ['a NUL at the end', `${token}\0`],
    ['padding at the end', `${token}=`],
    ['padding in the middle', `${token.slice(0, 50)}=${token.slice(51)}`],
    ['the alphabet of plain base64', `kh1.${Buffer.alloc(98, 0xfb).toString('base64')}`],
    ['a zero-width space inside', `${token.slice(0, 50)}\u200b${token.slice(50)}`],
    ['a full-width character', `${token.slice(0, 50)}\uff21${token.slice(51)}`],
    ['a character whose low byte is in the alphabet', `${token.slice(0, 50)}\u0141${token.slice(51)}`],
    ['percent encoding', token.replace('.', '%2E')],
    ['JSON quotes', JSON.stringify(token)],
    ['base64 of a token', Buffer.from(token).toString('base64')],
    ['a token of a token', asToken(Buffer.from(token))],
    ['another magic', withHeader(0, 0x6b)],
    ['another format version', withHeader(2, 2)],
    ['suite 0', withHeader(3, 0, 0)],
    ['suite 65535', withHeader(3, 0xff, 0xff)],
    ['suite 2', withHeader(3, 0, 2)],
    ['flags', withHeader(5, 1)],
    ['key version 0', withHeader(22, 0, 0, 0, 0)],
    ['key version 4294967295', withHeader(22, 0xff, 0xff, 0xff, 0xff)],
    ['nothing but a header', withSealed(0)],
    ['a sealed part of 71 bytes', withSealed(71)],
    ['a sealed part cut after one full chunk', withSealed(56 + 16_400)],
    ['a sealed part cut after two full chunks', withSealed(56 + 2 * 16_400)],
    ['a sealed part that ends inside a tag', withSealed(56 + 16_400 + 15)],
    ['two tokens in a row', token + token],
    ["a customer's wrap", `#BYOKv1#:${fingerprint}:AAAA`],
    ["a customer's wrap in the wrong case", `#byokV1#:${fingerprint}:AAAA`],
    ["a customer's wrap of version 2", `#BYOKv2#:${fingerprint}:AAAA`],
    ["a customer's wrap without a colon", `#BYOKv1#${fingerprint}:AAAA`],
    ["a customer's wrap without a body", `#BYOKv1#:${fingerprint}:`],
    ["a customer's wrap with the prefix two times", `#BYOKv1#:#BYOKv1#:${fingerprint}:AAAA`],
    ["a customer's fingerprint before a token", `#BYOKv1#:${fingerprint}:${body}`],
    ...[
      fingerprint.slice(1),
      `${fingerprint}0`,
      fingerprint.toUpperCase(),
      `${fingerprint.slice(1)}g`,
      fingerprint.repeat(2),
    ].map((each): [string, string] => [
      `a customer's wrap with the fingerprint ${each}`,
      `#BYOKv1#:${each}:${body}`,
    ]),
    ['a handle of the internal key', `v1:${'A'.repeat(32)}:${'A'.repeat(80)}`],
    ['an empty v1', 'v1::'],
    ['a v1 of two fields', `v1:${'A'.repeat(32)}`],
    ['a v1 of four fields', `v1:${'A'.repeat(32)}:${'A'.repeat(80)}:AAAA`],
    ['a v1 with a nonce of 23 bytes', `v1:${'A'.repeat(31)}=:${'A'.repeat(80)}`],
    ['a v1 with a nonce of 25 bytes', `v1:${'A'.repeat(34)}==:${'A'.repeat(80)}`],
    ['a v1 before a token', `v1:${body}`],
    ['10 MB', `kh1.${'A'.repeat(10_000_000)}`],
  ]
}

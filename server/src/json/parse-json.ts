// Parses JSON as RFC 7493 (I-JSON) defines it: UTF-8 without a byte order mark, no name twice in one object, no half of a
// surrogate pair. Parsers disagree about anything else, so a proxy in front may have checked a different request.
//
// JSON that is too deep or has too many values is refused before it is parsed: a body has room for millions of them, and
// the parser would need many times the memory of the body.
import { isUtf8 } from 'node:buffer'
import { invalidJson, isPrototypeMember, jsonLimits } from './json-rules.ts'

const { maxDepth, maxValues } = jsonLimits

/** @throws KeyholdError `ERR_INVALID_REQUEST` */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw invalidJson()
  const text = bytes.toString('utf8')
  const names = countNames(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The cause is left out, because its message holds a piece of the text.
    throw invalidJson()
  }
  // A name that is there twice becomes one member. Names are equal if they are equal after decoding.
  if (countMembers(value, text.includes('\\')) !== names) throw invalidJson()
  return value
}

// Counts the colons outside of strings. The number means nothing if the text is not JSON.
function countNames(text: string): number {
  let names = 0
  let values = 0
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case 0x22: // "
        at = endOfString(text, at)
        break
      case 0x3a: // :
        names++
        break
      case 0x2c: // ,
        values++
        break
      case 0x5b: // [
      case 0x7b: // {
        values++
        if (++depth > maxDepth) throw invalidJson()
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth--
        break
    }
    if (values > maxValues) throw invalidJson()
  }
  return names
}

function endOfString(text: string, start: number): number {
  const end = text.indexOf('"', start + 1)
  if (end === -1) return text.length
  if (text.charCodeAt(end - 1) !== 0x5c) return end
  let at = start + 1
  while (at < text.length && text.charCodeAt(at) !== 0x22) at += text.charCodeAt(at) === 0x5c ? 2 : 1
  return at
}

// Counts the members of all objects together. The bytes are UTF-8, so only an escape can make half of a surrogate pair.
function countMembers(value: unknown, hasEscapes: boolean): number {
  if (typeof value !== 'object' || value === null) {
    if (hasEscapes && typeof value === 'string' && !value.isWellFormed()) throw invalidJson()
    return 0
  }
  let members = 0
  if (Array.isArray(value)) {
    for (const element of value) members += countMembers(element, hasEscapes)
    return members
  }
  // JSON.parse makes every name an own member.
  const object = value as Record<string, unknown>
  for (const name in object) {
    if (hasEscapes && !name.isWellFormed()) throw invalidJson()
    const member = object[name]
    if (isPrototypeMember(name, member)) throw invalidJson()
    members += 1 + countMembers(member, hasEscapes)
  }
  return members
}

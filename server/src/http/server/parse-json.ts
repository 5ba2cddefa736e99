// JSON as RFC 7493 (I-JSON) has it: UTF-8 without a byte order mark, no name two times in one object, no half of a
// surrogate pair. Where parsers disagree, a proxy in front may have checked another request than the one served here.
//
// What is too deep or has too many values is refused before it is parsed: a request body has room for millions of
// either, and the parser's memory would be many times the body's.
import { KeyholdError } from '@keyhold/core'
import { isUtf8 } from 'node:buffer'

/** Objects and lists around a value; the deepest body of any route has four. */
const maxDepth = 32
/** Values of a body, members and elements alike: a full batch of items with full contexts has 36,000. */
const maxValues = 100_000

/** @throws KeyholdError `ERR_INVALID_REQUEST` */
export function parseJson(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) throw invalid()
  const text = bytes.toString('utf8')
  const names = countNames(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // Without the cause: its message holds a piece of the text.
    throw invalid()
  }
  // A name that stands two times becomes one member; names are alike when they are alike after decoding.
  if (countMembers(value, text.includes('\\')) !== names) throw invalid()
  return value
}

// Counts the colons outside of strings. Of a text that is no JSON the number means nothing.
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
        if (++depth > maxDepth) throw invalid()
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth--
        break
    }
    if (values > maxValues) throw invalid()
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

// In all objects together. Without escapes no text has half of a surrogate pair, as the bytes are UTF-8.
function countMembers(value: unknown, hasEscapes: boolean): number {
  if (typeof value !== 'object' || value === null) {
    if (hasEscapes && typeof value === 'string' && !value.isWellFormed()) throw invalid()
    return 0
  }
  let members = 0
  if (Array.isArray(value)) {
    for (const element of value) members += countMembers(element, hasEscapes)
    return members
  }
  // JSON.parse makes own members of all names.
  const object = value as Record<string, unknown>
  for (const name in object) {
    if (hasEscapes && !name.isWellFormed()) throw invalid()
    const member = object[name]
    // What code that copies members would take for a prototype.
    if (name === '__proto__' || (name === 'constructor' && hasPrototype(member))) throw invalid()
    members += 1 + countMembers(member, hasEscapes)
  }
  return members
}

function hasPrototype(member: unknown): boolean {
  return typeof member === 'object' && member !== null && Object.hasOwn(member, 'prototype')
}

function invalid(): KeyholdError {
  return new KeyholdError('ERR_INVALID_REQUEST')
}

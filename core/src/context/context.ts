// KHC1: the canonical bytes of the context that a key or a value is bound to. They are never JSON: parsers disagree on
// order, duplicates and broken characters, and two contexts with one encoding would be one lock with two keys.
//
//   "keyhold/ctx/1" 00 ‖ u8 purpose ‖ lp(tenantId) ‖ lp(objectId) ‖ u32 version ‖ u16 suite ‖ u16 n ‖ n × (lp(key) lp(value))
//   lp(x) = u16 length in bytes ‖ UTF-8 bytes; all integers big-endian; pairs sorted by the keys' UTF-8 bytes
import { contextProblem } from './context-problem.ts'
import { KeyholdError } from '../errors.ts'

/** The purposes of context bytes. An encoding made for one purpose is never accepted for another. */
export const contextPurpose = {
  tenantKeyWrap: 1,
  dataKeyWrap: 2,
  value: 3,
  file: 4,
  webhookSecret: 5,
  storedCredential: 6,
  keyCheckValue: 7,
  signingKey: 8,
  issuerKey: 9,
} as const

export type ContextPurpose = (typeof contextPurpose)[keyof typeof contextPurpose]

/** The suite of every format of version 1: Cobblestone-256. */
export const suiteCobblestone256 = 1

/** Non-secret pairs, which decrypting needs again. */
export type EncryptionContext = Readonly<Record<string, string>>

export interface ContextFields {
  purpose: ContextPurpose
  tenantId: string
  /** The id of the key that is wrapped, or that encrypts. */
  objectId: string
  /** A whole number from 0 to 4,294,967,295. */
  version: number
  pairs?: EncryptionContext
}

const magic = Buffer.from('keyhold/ctx/1\0', 'ascii')

/**
 * Encodes the fields to KHC1 bytes.
 *
 * @throws TypeError for a string that is not well-formed: two lone surrogates would encode to the same bytes
 * @throws RangeError for a version, a length or a number of pairs that its integer cannot hold
 */
export function encodeContext(fields: ContextFields): Buffer {
  return appendPairs(encodeContextStart(fields), fields.pairs)
}

/** Encodes all but the pairs: the part that all values of one data key have in common. */
export function encodeContextStart(fields: Omit<ContextFields, 'pairs'>): Buffer {
  // Node writes 1.5 as 1 and NaN as 0.
  if (!Number.isInteger(fields.version)) throw new RangeError('"version" expected a whole number')
  const bytes = Buffer.allocUnsafe(
    magic.length + 1 + 2 + utf8Bytes(fields.tenantId) + 2 + utf8Bytes(fields.objectId) + 4 + 2,
  )
  let at = magic.copy(bytes)
  at = bytes.writeUInt8(fields.purpose, at)
  at = writeLengthPrefixed(bytes, fields.tenantId, at)
  at = writeLengthPrefixed(bytes, fields.objectId, at)
  at = bytes.writeUInt32BE(fields.version, at)
  bytes.writeUInt16BE(suiteCobblestone256, at)
  return bytes
}

/** Appends the pairs to a start by `encodeContextStart`. `start` may have bytes before it, and stays unchanged. */
export function appendPairs(start: Buffer, pairs: EncryptionContext = {}): Buffer {
  const keys = Object.keys(pairs).sort(compareAsUtf8)
  let length = start.length + 2
  for (const key of keys) length += 4 + utf8Bytes(key) + utf8Bytes(pairs[key] ?? '')
  const bytes = Buffer.allocUnsafe(length)
  let at = bytes.writeUInt16BE(keys.length, start.copy(bytes))
  for (const key of keys) {
    at = writeLengthPrefixed(bytes, key, at)
    at = writeLengthPrefixed(bytes, pairs[key] ?? '', at)
  }
  return bytes
}

function utf8Bytes(text: string): number {
  if (!text.isWellFormed())
    throw new TypeError('a context string expected well-formed UTF-16, got a lone surrogate')
  return Buffer.byteLength(text, 'utf8')
}

function writeLengthPrefixed(bytes: Buffer, text: string, at: number): number {
  const length = bytes.write(text, at + 2, 'utf8')
  bytes.writeUInt16BE(length, at)
  return at + 2 + length
}

// UTF-8 bytes sort like code points. UTF-16 units do not: a surrogate stands for a code point above all single units.
function compareAsUtf8(a: string, b: string): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) {
    const unitA = a.charCodeAt(index)
    const unitB = b.charCodeAt(index)
    if (unitA !== unitB) return sortRank(unitA) - sortRank(unitB)
  }
  return a.length - b.length
}

function sortRank(unit: number): number {
  const isSurrogate = unit >= 0xd800 && unit <= 0xdfff
  return isSurrogate ? unit + 0x10000 : unit
}

/**
 * Checks a caller's encryption context; `undefined` means the empty one.
 *
 * @throws KeyholdError `ERR_CONTEXT_INVALID`, with the rule and never the content
 */
export function checkEncryptionContext(context: EncryptionContext | undefined): EncryptionContext {
  if (context === undefined) return {}
  // A Map has no entries of its own. If it passed for an object, the value would be bound to nothing at all.
  if (!isPlainObject(context)) throw invalid('another form than an object of strings')
  const problem = contextProblem(Object.entries(context))
  if (problem !== undefined) throw invalid(problem)
  return context
}

// Accepts objects made of braces or by JSON.parse, in any realm.
function isPlainObject(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

function invalid(rule: string): KeyholdError {
  return new KeyholdError('ERR_CONTEXT_INVALID', { message: `The encryption context has ${rule}.` })
}

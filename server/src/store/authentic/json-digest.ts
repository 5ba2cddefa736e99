// The digest of a value that a column holds as JSON, which stands in its row and so under its MAC. It is never made of JSON
// text: PostgreSQL and other parsers do not keep the order of members, spaces and the spelling of numbers.
//
//   SHA-256("keyhold/stored-json/1" 00 ‖ u32 length ‖ what ‖ value), `what` in UTF-8; all integers big-endian
//
//   value    bytes
//   null     0
//   false    1
//   true     2
//   integer  3 ‖ i64
//   text     4 ‖ u32 length ‖ UTF-8 bytes
//   list     5 ‖ u32 count ‖ values
//   object   6 ‖ u32 count ‖ count × (u32 length ‖ name in UTF-8 ‖ value), sorted by the bytes of the names
import { createHash } from 'node:crypto'

const magic = Buffer.from('keyhold/stored-json/1\0', 'ascii')

/**
 * @param what - what the value is, so that no value passes for one of another column
 * @param value - as `JSON.parse` answers it; members that are undefined are left out
 * @throws TypeError for a number that is no safe integer, and for a text that is not well-formed
 */
export function jsonDigest(what: string, value: unknown): Buffer {
  const parts: Buffer[] = [magic, ...text(what)]
  encode(value, parts)
  return createHash('sha256').update(Buffer.concat(parts)).digest()
}

function encode(value: unknown, parts: Buffer[]): void {
  if (value === null) parts.push(Buffer.of(0))
  else if (typeof value === 'boolean') parts.push(Buffer.of(value ? 2 : 1))
  else if (typeof value === 'number') parts.push(Buffer.of(3), integer(value))
  else if (typeof value === 'string') parts.push(Buffer.of(4), ...text(value))
  else if (Array.isArray(value)) {
    parts.push(Buffer.of(5), uint32(value.length))
    for (const each of value) encode(each, parts)
  } else if (typeof value === 'object') {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => [utf8(name), member as unknown] as const)
      .sort(([a], [b]) => a.compare(b))
    parts.push(Buffer.of(6), uint32(members.length))
    for (const [name, member] of members) {
      parts.push(uint32(name.length), name)
      encode(member, parts)
    }
  } else throw new TypeError(`a ${typeof value} is no JSON`)
}

function text(value: string): [Buffer, Buffer] {
  const bytes = utf8(value)
  return [uint32(bytes.length), bytes]
}

function utf8(value: string): Buffer {
  // Two lone surrogates would encode to the same bytes.
  if (!value.isWellFormed()) throw new TypeError('a text expected well-formed UTF-16, got a lone surrogate')
  return Buffer.from(value, 'utf8')
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function integer(value: number): Buffer {
  if (!Number.isSafeInteger(value)) throw new TypeError('a number expected a safe integer')
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

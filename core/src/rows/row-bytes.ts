// The canonical bytes of a stored row, which its MAC covers. They are never JSON: parsers disagree on order, duplicates and
// numbers. Names stand in them and nulls do not, so a column that is added later, and is null, changes no MAC.
//
//   "keyhold/row/1" 00 ‖ lp(kind) ‖ u16 n ‖ n × (lp(column) ‖ u8 type ‖ value)
//   lp(x) = u16 length in bytes ‖ UTF-8 bytes; all integers big-endian; columns sorted by the bytes of their names
//
//   type       value
//   1 text     u32 length ‖ UTF-8 bytes
//   2 bytes    u32 length ‖ bytes
//   3 integer  i64
//   4 boolean  u8, 0 or 1
//   5 uuid     16 bytes
//   6 time     i64, milliseconds since 1970 UTC, rounded down
//   7 texts    u32 count ‖ count × (u32 length ‖ UTF-8 bytes)

/** The types of columns that a MAC can cover. No fractions, no JSON. */
export type RowColumnType = 'text' | 'bytes' | 'integer' | 'boolean' | 'uuid' | 'time' | 'texts'

/** A value of such a column; null is left out of the bytes. */
export type RowValue = string | Uint8Array | number | boolean | Date | readonly string[] | null

const magic = Buffer.from('keyhold/row/1\0', 'ascii')
const typeBytes = { text: 1, bytes: 2, integer: 3, boolean: 4, uuid: 5, time: 6, texts: 7 } as const
const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/**
 * Encodes a row.
 *
 * @param kind - what the row is; a row of one kind never passes for one of another
 * @param columns - the columns with their types, in the order of their names' bytes
 * @param row - a value for each of the columns; others are ignored
 * @throws TypeError for a value of another type than its column's, or a string that is not well-formed
 */
export function encodeRow(
  kind: string,
  columns: readonly (readonly [name: string, type: RowColumnType])[],
  row: Readonly<Record<string, unknown>>,
): Buffer {
  const parts: Buffer[] = [magic, shortText(kind), Buffer.alloc(2)]
  let count = 0
  let before = ''
  for (const [name, type] of columns) {
    if (name <= before) throw new TypeError('columns must be in the order of their names')
    before = name
    const value = row[name]
    if (value === undefined) throw new TypeError(`a row of ${kind} has no ${name}`)
    if (value === null) continue
    count++
    parts.push(shortText(name), Buffer.of(typeBytes[type]), encodeValue(`${kind}.${name}`, type, value))
  }
  parts[2]?.writeUInt16BE(count)
  return Buffer.concat(parts)
}

function encodeValue(place: string, type: RowColumnType, value: unknown): Buffer {
  switch (type) {
    case 'text':
      if (typeof value === 'string') return longBytes(utf8(value))
      break
    case 'bytes':
      if (value instanceof Uint8Array) return longBytes(value)
      break
    case 'integer':
      if (typeof value === 'number' && Number.isSafeInteger(value)) return int64(value)
      break
    case 'boolean':
      if (typeof value === 'boolean') return Buffer.of(Number(value))
      break
    case 'uuid':
      if (typeof value === 'string' && uuidForm.test(value))
        return Buffer.from(value.replaceAll('-', ''), 'hex')
      break
    case 'time':
      if (value instanceof Date && Number.isSafeInteger(value.getTime())) return int64(value.getTime())
      break
    case 'texts':
      if (Array.isArray(value) && value.every((text) => typeof text === 'string')) {
        return Buffer.concat([uint32(value.length), ...value.map((text) => longBytes(utf8(text)))])
      }
      break
  }
  throw new TypeError(`${place} is not of the type ${type}`)
}

function utf8(text: string): Buffer {
  // Two lone surrogates would encode to the same bytes.
  if (!text.isWellFormed()) throw new TypeError('a text expected well-formed UTF-16, got a lone surrogate')
  return Buffer.from(text, 'utf8')
}

function shortText(text: string): Buffer {
  const bytes = utf8(text)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(bytes.length)
  return Buffer.concat([length, bytes])
}

function longBytes(bytes: Uint8Array): Buffer {
  return Buffer.concat([uint32(bytes.length), bytes])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

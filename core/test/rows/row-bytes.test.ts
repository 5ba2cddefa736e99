// Two rows that differ have different canonical bytes.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeRow, type RowColumnType } from '../../src/rows/row-bytes.ts'

const columns = [
  ['a_text', 'text'],
  ['b_bytes', 'bytes'],
  ['c_integer', 'integer'],
  ['d_flag', 'boolean'],
  ['e_uuid', 'uuid'],
  ['f_time', 'time'],
  ['g_texts', 'texts'],
] as const satisfies readonly (readonly [string, RowColumnType])[]

const text = fc.string({ unit: 'binary' })
const row = fc.record({
  a_text: fc.option(text),
  b_bytes: fc.option(fc.uint8Array({ maxLength: 8 })),
  c_integer: fc.option(fc.maxSafeInteger()),
  d_flag: fc.option(fc.boolean()),
  e_uuid: fc.option(fc.uuid()),
  f_time: fc.option(fc.date({ noInvalidDate: true })),
  g_texts: fc.option(fc.array(text, { maxLength: 3 })),
})

test('the bytes can be read back, so that no two rows share them', () => {
  fc.assert(
    fc.property(row, (given) => {
      expect(decode(encodeRow('kind', columns, given))).toEqual({
        kind: 'kind',
        row: Object.fromEntries(
          Object.entries(given)
            .filter(([, value]) => value !== null)
            .map(([name, value]) => [name, value instanceof Uint8Array ? Buffer.from(value) : value]),
        ),
      })
    }),
  )
})

test('null, the empty text and the empty list are three values', () => {
  const of = (value: unknown, type: RowColumnType) =>
    encodeRow('k', [['c', type]], { c: value }).toString('hex')
  const all = [
    of(null, 'text'),
    of('', 'text'),
    of(Buffer.alloc(0), 'bytes'),
    of([], 'texts'),
    of([''], 'texts'),
  ]
  expect(new Set(all).size).toBe(all.length)
})

test('a column that is null changes no bytes, whether or not the reader knows it', () => {
  const known = encodeRow(
    'k',
    [
      ['a', 'text'],
      ['b', 'text'],
    ],
    { a: 'x', b: null },
  )
  expect(known).toEqual(encodeRow('k', [['a', 'text']], { a: 'x' }))
})

test.each<[RowColumnType, unknown]>([
  ['text', 5],
  ['text', '\ud800'],
  ['bytes', 'text'],
  ['integer', 1.5],
  ['integer', 2 ** 53],
  ['integer', Number.NaN],
  ['boolean', 1],
  ['uuid', '00000000-0000-4000-8000-00000000000G'],
  ['uuid', '00000000-0000-4000-8000-00000000000A'],
  ['time', new Date(Number.NaN)],
  ['time', 1_000],
  ['texts', ['a', null]],
  ['texts', 'a'],
  ['text', undefined],
])('a column of the type %s refuses %s', (type, value) => {
  expect(() => encodeRow('k', [['c', type]], { c: value })).toThrow(TypeError)
})

test('columns stand in one order', () => {
  expect(() =>
    encodeRow(
      'k',
      [
        ['b', 'text'],
        ['a', 'text'],
      ],
      { a: '', b: '' },
    ),
  ).toThrow(TypeError)
  expect(() =>
    encodeRow(
      'k',
      [
        ['a', 'text'],
        ['a', 'text'],
      ],
      { a: '' },
    ),
  ).toThrow(TypeError)
})

const types = ['text', 'bytes', 'integer', 'boolean', 'uuid', 'time', 'texts'] as const

/** Reads canonical bytes, as the format describes them. */
function decode(bytes: Buffer): { kind: string; row: Record<string, unknown> } {
  let at = bytes.indexOf(0) + 1
  const take = (length: number) => {
    at += length
    expect(at).toBeLessThanOrEqual(bytes.length)
    return bytes.subarray(at - length, at)
  }
  const short = () => take(take(2).readUInt16BE()).toString('utf8')
  const long = () => take(take(4).readUInt32BE())
  expect(bytes.subarray(0, at).toString('ascii')).toBe('keyhold/row/1\0')
  const kind = short()
  const count = take(2).readUInt16BE()
  const values: Record<string, unknown> = {}
  for (let index = 0; index < count; index++) {
    const name = short()
    const type = types[(take(1)[0] ?? 0) - 1]
    if (type === 'text') values[name] = long().toString('utf8')
    else if (type === 'bytes') values[name] = Buffer.from(long())
    else if (type === 'integer') values[name] = Number(take(8).readBigInt64BE())
    else if (type === 'boolean') values[name] = take(1)[0] === 1
    else if (type === 'uuid') {
      const hex = take(16).toString('hex')
      values[name] = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
    } else if (type === 'time') values[name] = new Date(Number(take(8).readBigInt64BE()))
    else values[name] = Array.from({ length: take(4).readUInt32BE() }, () => long().toString('utf8'))
  }
  expect(at).toBe(bytes.length)
  return { kind, row: values }
}

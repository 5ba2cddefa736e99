// Both parsers of bodies agree on every body: on its value, and on its refusal.
import { isKeyholdError } from '@keyhold/core'
import { describe, expect, it, test } from 'vitest'
import { createJsonTexts } from '../../src/http/bodies/json-texts.ts'
import { parseBigJson } from '../../src/http/bodies/parse-big-json.ts'
import { parseJson } from '../../src/json/parse-json.ts'
import { mulberry32 } from '../../../testkit/src/statistics/seeded-random.ts'

function outcome(parse: () => unknown): unknown {
  try {
    return { value: parse() }
  } catch (error) {
    if (isKeyholdError(error, 'ERR_INVALID_REQUEST')) return 'refused'
    throw error
  }
}

/** Texts are read in short pieces. */
const pieceBytes = 100

function inSteps(bytes: Buffer): unknown {
  const steps = parseBigJson(bytes, pieceBytes)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

function expectSame(bytes: Buffer): void {
  const small = outcome(() => parseJson(bytes))
  const big = outcome(() => inSteps(bytes))
  expect(big, bytes.toString('latin1').slice(0, 200)).toEqual(small)
  // The order of members is part of the value.
  expect(JSON.stringify(big)).toBe(JSON.stringify(small))
}

const deep = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)

test.each([
  ...['', ' ', '0', '-0', '1e5', '-1.5E+3', '01', '1.', '.5', '+1', '--1', '1e', 'NaN', 'Infinity', '0x1'],
  ...[
    'true',
    'false',
    'null',
    'tru',
    'nullx',
    'truefalse',
    'TRUE',
    '"a"',
    "'a'",
    '"',
    '"\\"',
    '"\\',
    '"a\nb"',
  ],
  ...[
    '"\\u00e4\\n\\/"',
    '"\\x"',
    '"\\u12"',
    '"\\ud83d\\ude00"',
    '"\\ud83d"',
    '"\\ude00\\ud83d"',
    '"\u{1f511}"',
  ],
  ...['[]', '[ ]', '[1]', '[1,]', '[,1]', '[1 2]', '[1,2', '1]', '[}', '{]', '[[],[[]]]', '[1]]', '[][]'],
  ...[
    '{}',
    '{ }',
    '{"a":1}',
    '{"a":1,}',
    '{,}',
    '{"a"}',
    '{"a":}',
    '{"a",1}',
    '{a:1}',
    '{"a":1 "b":2}',
    '{1:2}',
  ],
  ...['{"a":1,"a":2}', '{"a":1,"\\u0061":2}', '{"a":{"a":1}}', '{"b":1,"a":2,"1":3,"0":4}', '{"":1,"":2}'],
  ...['{"__proto__":1}', '{"\\u005f_proto__":{}}', '{"constructor":1}', '{"constructor":{"prototype":1}}'],
  ...[
    '{"a":[{"b":{"c":"x"}}]}',
    ' \n\t\r{ "a" : [ 1 , 2 ] } \n',
    '{"a":1}x',
    '{"a":1}{}',
    '\ufeff{}',
    '[1]\u00a0',
  ],
  ...['{"toString":1,"hasOwnProperty":2}', '[1:2]', ':', ',', '{"a"::1}', '[\u0000]', '"\u0000"', '"\u007f"'],
])('%j', (text) => {
  expectSame(Buffer.from(text))
})

test('the deepest body, and the one with the most values', () => {
  const long = (count: number) => `[${'1,'.repeat(count)}1]`
  for (const text of [deep(32), deep(33), long(99_998), long(99_999)]) expectSame(Buffer.from(text))
})

test('bytes that are no UTF-8 are refused', () => {
  expectSame(Buffer.from('{"name":"\u00ff"}', 'latin1'))
  expectSame(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]))
})

const pieces = [
  'a',
  '\\n',
  '\\\\',
  '\\"',
  '\\u00e4',
  '\\ud83d\\ude00',
  'ä',
  '\u20ac',
  '\u{1f511}',
  ' ',
  '\\ud83d',
  '\n',
]

describe('a text that is read in pieces', () => {
  // The text at the cut moves by one byte from text to text.
  test.each(pieces)('with %j at the cut', (piece) => {
    for (let before = 0; before <= 7; before++) {
      expectSame(Buffer.from(`["${'x'.repeat(pieceBytes - before)}${piece}${piece}y","z"]`))
    }
  })

  it('keeps every backslash of a long row', () => {
    for (const count of [99, 100, 101, 1_000]) expectSame(Buffer.from(`"x${'\\'.repeat(count)}"`))
  })
})

test('generated bodies, whole and damaged', () => {
  const random = mulberry32(12)
  const pick = <Item>(list: readonly Item[]): Item => list[Math.floor(random() * list.length)] as Item
  const text = () => `"${Array.from({ length: Math.floor(random() * 4) }, () => pick(pieces)).join('')}"`
  const space = () => pick(['', '', '', ' ', '\n', '\t '])
  function value(depth: number): string {
    const kind = depth > 4 ? 0 : Math.floor(random() * 5)
    const count = Math.floor(random() * 4)
    if (kind === 1)
      return `[${Array.from({ length: count }, () => space() + value(depth + 1)).join(',')}${space()}]`
    if (kind === 2)
      return `{${Array.from({ length: count }, () => `${text()}${space()}:${value(depth + 1)}`).join(',')}}`
    return pick([text(), '1', '-2.5e3', 'true', 'null', '{}', '[]', '"constructor"'])
  }
  for (let round = 0; round < 2_000; round++) {
    const bytes = Buffer.from(value(0))
    expectSame(bytes)
    const damaged = Buffer.from(bytes)
    damaged[Math.floor(random() * damaged.length)] = pick([
      0x22, 0x2c, 0x5b, 0x7d, 0x5c, 0x31, 0x20, 0x3a, 0xc3,
    ])
    expectSame(damaged)
  }
})

test('a body of many megabytes is parsed in many steps', () => {
  const bytes = Buffer.from(
    JSON.stringify({ items: new Array(3).fill({ plaintext: 'A'.repeat(1_398_100) }) }),
  )
  let steps = 0
  const parsing = parseBigJson(bytes)
  while (parsing.next().done !== true) steps++
  expect(steps).toBeGreaterThan(3)
})

test('a row of millions of backslashes is looked at once, and not in one step', () => {
  const count = 4_000_000
  const bytes = Buffer.from(`"${'\\'.repeat(count)}"`)
  expect(inSteps(bytes)).toBe('\\'.repeat(count / 2))
  let steps = 0
  const parsing = parseBigJson(bytes)
  while (parsing.next().done !== true) steps++
  expect(steps).toBeGreaterThan(count / 100_000)
})

test('of a word that is too long no more is read than shows that', () => {
  let reads = 0
  const digits = new Proxy(Buffer.alloc(100_000, '1'), {
    get(bytes, name) {
      reads++
      return Reflect.get(bytes, name, bytes) as unknown
    },
  })
  expect(() => createJsonTexts(digits, pieceBytes).readWord(0)).toThrow()
  expect(reads).toBeLessThan(10_000)
})

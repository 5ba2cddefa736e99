// Items of a batch that are wrong by themselves. The others are answered, and the request is a success.
import { expect } from 'vitest'
import { rawRequest } from '../raw-request.ts'
import { at, listAt, textAt } from '../read-body.ts'
import { canary, expectNothingOfTheInside, type Scene } from './scene.ts'

export interface BadItem {
  what: string
  code: string
  item: unknown
}

const plaintext = Buffer.from('good').toString('base64')
const pairs = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, canary]))

const contexts: [what: string, context: unknown, code?: string][] = [
  ['33 pairs', pairs(33)],
  ['a reserved key', { 'keyhold:tenant': canary }],
  ['an empty key', { '': canary }],
  ['a key of 129 bytes', { ['\u00e9'.repeat(65)]: canary }],
  ['a value of 513 bytes', { a: canary.repeat(40) }],
  ['5 kB in all', Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`k${i}`, 'v'.repeat(500)]))],
  ['a NUL in a value', { a: `${canary}\0` }],
  ['a line break in a key', { [`${canary}\n`]: 'x' }],
  ['a key that is not in normal form C', { [`${canary}e\u0301`]: 'x' }],
  ['a number', { [canary]: 1 }, 'ERR_INVALID_REQUEST'],
  ['null for a value', { [canary]: null }, 'ERR_INVALID_REQUEST'],
  ['an object for a value', { a: { [canary]: canary } }, 'ERR_INVALID_REQUEST'],
  ['a list of pairs', [['a', canary]], 'ERR_INVALID_REQUEST'],
  ['a text', canary, 'ERR_INVALID_REQUEST'],
  ['null', null, 'ERR_INVALID_REQUEST'],
]

const wrongTexts: unknown[] = [null, 1, true, [canary], { [canary]: canary }]

export const encryptItems: BadItem[] = [
  ...contexts.map(([what, context, code = 'ERR_CONTEXT_INVALID']) => ({
    what: `a context with ${what}`,
    code,
    item: { plaintext, context },
  })),
  ...[canary, null, 1, true, [], [canary], {}, { [canary]: canary }, { context: {} }].map((item) => ({
    what: `${JSON.stringify(item)} for an item`,
    code: 'ERR_INVALID_REQUEST',
    item,
  })),
  ...['plaintext', 'keyName', 'ref'].flatMap((member) =>
    wrongTexts.map((value) => ({
      what: `${member}: ${JSON.stringify(value)}`,
      code: 'ERR_INVALID_REQUEST',
      item: { plaintext, [member]: value },
    })),
  ),
  { what: 'a member too many', code: 'ERR_INVALID_REQUEST', item: { plaintext, [canary]: canary } },
  { what: 'a misspelt context', code: 'ERR_INVALID_REQUEST', item: { plaintext, Context: {} } },
  { what: 'a ref of 257', code: 'ERR_INVALID_REQUEST', item: { plaintext, ref: canary.repeat(20) } },
  ...[
    canary,
    'a',
    'YQ',
    'YQ=',
    'YQ===',
    'YR==',
    'Y Q==',
    'YQ==\n',
    '_-8=',
    '%59Q==',
    '\uff39Q==',
    'YQ\0==',
    '=',
    '====',
  ].map((text) => ({
    what: `the plaintext ${JSON.stringify(text)}`,
    code: 'ERR_PLAINTEXT_INVALID',
    item: { plaintext: text },
  })),
  {
    what: 'one byte over 1 MiB',
    code: 'ERR_ITEM_TOO_LARGE',
    item: { plaintext: Buffer.alloc(1_048_577).toString('base64') },
  },
  ...[
    '',
    '.'.repeat(65),
    `${canary}/`,
    '../x',
    'a b',
    'a\0',
    'default\n',
    'blind-index:email',
    '\u00e9',
    '%00',
  ].map((keyName) => ({
    what: `the key name ${JSON.stringify(keyName)}`,
    code: 'ERR_KEY_NAME_INVALID',
    item: { plaintext, keyName },
  })),
]

/** Sends a bad item between two good ones. */
export async function expectItemRefused(scene: Scene, { item, code }: BadItem): Promise<void> {
  const { server, tenant, takeLog } = scene
  takeLog()
  const good = { plaintext, ref: 'good' }
  const { status, body, text } = await rawRequest(server.url, 'POST', '/api/v1/encryption/encrypt', {
    token: tenant.serviceToken,
    body: { items: [good, item, good] },
  })

  expect(status, text).toBe(200)
  expect(listAt(body, 'items')).toHaveLength(3)
  for (const index of [0, 2]) expect(textAt(body, 'items', index, 'token')).toMatch(/^kh1\./)
  expect(textAt(body, 'items', 1, 'error', 'code')).toBe(code)
  expectNothingOfTheInside(JSON.stringify(at(body, 'items', 1)))
  for (const line of takeLog()) expect(line).not.toContain(canary)
}

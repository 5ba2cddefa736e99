// Long bodies on a server: the thread that answers requests works on none of their bytes, and they are answered as short
// ones are.
import buffer from 'node:buffer'
import crypto, { randomBytes } from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import {
  startTestServer,
  type TestServer,
  type TestTenant,
} from '../../../../testkit/src/server/start-test-server.ts'
import { errorCode, listAt, textAt } from '../read-body.ts'

let server: TestServer
let tenant: TestTenant
beforeAll(async () => {
  server = await startTestServer()
  tenant = await server.createTenant()
})
afterAll(() => server.stop())

const json = 'application/json'
const octets = 'application/octet-stream'

async function send(action: string, body: string | Uint8Array<ArrayBuffer>, type = json) {
  const answer = await fetch(`${server.url}/api/v1/encryption/${action}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tenant.serviceToken}`, 'content-type': type },
    body,
  })
  return {
    status: answer.status,
    type: answer.headers.get('content-type'),
    bytes: new Uint8Array(await answer.arrayBuffer()),
  }
}

async function encrypted(plaintext: string): Promise<string> {
  const { bytes } = await send('encrypt', JSON.stringify({ items: [{ plaintext }] }))
  return textAt(JSON.parse(Buffer.from(bytes).toString()), 'items', 0, 'token')
}

/** How much of its input this thread works on while `work` runs: values in JSON, and bytes of text and of ciphers. */
async function countWork(work: () => Promise<unknown>): Promise<{ values: number; bytes: number }> {
  const counts = { values: 0, bytes: 0 }
  const { isUtf8 } = buffer
  const { createCipheriv, createDecipheriv } = crypto
  const { parse } = JSON
  // oxlint-disable-next-line typescript/unbound-method
  const { from: usualFrom } = Buffer
  const from = usualFrom.bind(Buffer)
  JSON.parse = (text: string, ...rest: []) => {
    counts.values++
    counts.bytes += text.length
    return parse(text, ...rest) as unknown
  }
  Buffer.from = (value: unknown, ...rest: []) => {
    if (typeof value === 'string') counts.bytes += value.length
    return from(value as string, ...rest)
  }
  const counted =
    <Make extends (...parts: never[]) => { update: (bytes: never) => unknown }>(make: Make) =>
    (...parts: Parameters<Make>) => {
      const cipher = make(...parts)
      const update = cipher.update.bind(cipher) as (bytes: Uint8Array) => unknown
      return Object.assign(cipher, {
        update: (bytes: Uint8Array) => {
          counts.bytes += bytes.length
          return update(bytes)
        },
      })
    }
  buffer.isUtf8 = (bytes) => {
    counts.bytes += bytes.byteLength
    return isUtf8(bytes)
  }
  crypto.createCipheriv = counted(createCipheriv) as typeof createCipheriv
  crypto.createDecipheriv = counted(createDecipheriv) as typeof createDecipheriv
  syncBuiltinESMExports()
  try {
    await work()
    return counts
  } finally {
    JSON.parse = parse
    Buffer.from = usualFrom
    buffer.isUtf8 = isUtf8
    crypto.createCipheriv = createCipheriv
    crypto.createDecipheriv = createDecipheriv
    syncBuiltinESMExports()
  }
}

describe('of a long body this thread does', () => {
  const mib = 1_048_576
  const text = 'A'.repeat(Math.ceil(mib / 3) * 4)
  const list = (item: string, count: number) => `{"items":[${`${item},`.repeat(count - 1)}${item}]}`
  const token = async (name: 'items' | 'raw') => {
    if (name === 'raw') return (await send('encrypt', randomBytes(mib), octets)).bytes
    return JSON.stringify({ items: [{ token: await encrypted('A'.repeat(1_000_000)) }] })
  }
  const bodies: [what: string, action: string, make: () => unknown, type?: string][] = [
    ['one long item', 'encrypt', () => list(`{"plaintext":"${text.slice(4)}"}`, 1)],
    ['an item that is too long', 'encrypt', () => list(`{"plaintext":"${text.repeat(4)}"}`, 1)],
    ['many items', 'encrypt', () => list('{"plaintext":"AAAA"}', 1_000) + ' '.repeat(65_536)],
    ['escapes', 'encrypt', () => list(`{"plaintext":"${'\\u0041'.repeat(400_000)}"}`, 1)],
    ['too many items', 'encrypt', () => list('1', 99_990)],
    ['what is deep', 'encrypt', () => list('[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]', 4_000)],
    ['a fault at its end', 'encrypt', () => `{"items":["${text}"],"items":1}`],
    ['bytes that are no UTF-8', 'encrypt', () => Buffer.from(`{"items":["${text}\u00ff"]}`, 'latin1')],
    ['spaces', 'encrypt', () => ' '.repeat(mib) + list('{"plaintext":"AAAA"}', 1)],
    ['one value as bytes', 'encrypt', () => randomBytes(2 * mib), octets],
    ['one token as bytes', 'decrypt', () => token('raw'), octets],
    ['a long token', 'decrypt', () => token('items')],
    ['a long token', 'reencrypt', () => token('items')],
  ]

  test.for(bodies)('no work: %s, %s', { timeout: 60_000 }, async ([, action, make, type]) => {
    const body = (await make()) as string
    const { values, bytes } = await countWork(() => send(action, body, type))
    // Beside it, the server does what it always does.
    expect(values).toBeLessThan(1_000)
    expect(bytes).toBeLessThan(65_536)
  })
})

describe('a long body has the answer of a short one', () => {
  /** Without what differs each time. */
  async function answered(action: string, body: string, padding: string) {
    const { status, type, bytes } = await send(action, body + padding)
    const answer: unknown = JSON.parse(Buffer.from(bytes).toString())
    if (status !== 200)
      return { status, type, code: errorCode(answer), detail: JSON.stringify(answer).split('"traceId"')[0] }
    const items = listAt(answer, 'items').map((item) =>
      JSON.stringify(item).replace(/"kh1\.[^"]+"/, '"a token"'),
    )
    return { status, type, items }
  }

  const item = { plaintext: 'aGk=', keyName: 'photos', context: { row: '1' }, ref: 'ä"1' }
  const bodies: unknown[] = [
    { items: [item] },
    {
      items: [
        item,
        { ...item, keyName: '/' },
        { plaintext: 'a' },
        1,
        { ref: 'r' },
        { ...item, context: { a: '' } },
      ],
    },
    { items: [{ ...item, context: { 'keyhold:': 'x' } }] },
    { items: [] },
    { items: new Array(1_001).fill(item) },
    { items: [item], others: 1 },
    [item],
    'items',
    null,
  ]
  test.for(bodies)('to encrypt, %#', async (body) => {
    const text = JSON.stringify(body)
    const padding = ' '.repeat(65_536)
    expect(await answered('encrypt', text, padding)).toEqual(await answered('encrypt', text, ''))
  })

  it('to decrypt and to re-encrypt', async () => {
    const token = await encrypted('aGk=')
    const { token: foreign } = { token: token.slice(0, -4) + 'AAAA' }
    const items = [{ token, ref: '1' }, { token, context: { a: 'b' } }, { token: foreign }, { token: 'kh1.' }]
    for (const action of ['decrypt', 'reencrypt']) {
      const text = JSON.stringify({ items })
      const short = await answered(action, text, '')
      expect(short.items).toHaveLength(4)
      expect(await answered(action, text, ' '.repeat(65_536))).toEqual(short)
    }
  })
})
